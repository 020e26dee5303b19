"""What `make bench` makes of its measurements."""

from clang_llm.lab.measure.bench import Bench, render
from clang_llm.lab.measure.bench_builds import Builds
from clang_llm.lab.measure.bench_candidates import Candidates
from clang_llm.lab.measure.bench_overhead import Overhead


def bench(*, ours_ms: float = 22.0, warm_s: tuple[float, ...] = (1.01, 1.02, 9.0), plugin_s: float = 0.3) -> Bench:
    return Bench(
        version="0.1.0",
        clang="19.1.7",
        effort=3,
        overhead=(Overhead("link", 20.0, ours_ms, 1.5, 100), Overhead("`-E`", 30.0, 31.0, 0.9, 100)),
        builds=(Builds("lua5.4", (1.0, 0.9, 1.1), (4.0, 4.0, 4.2), warm_s), Builds("other", (3.0,), (12.0,), (3.0,))),
        candidates=Candidates(4, 8, plugin_s, 1.0),
    )


def test_medians_ignore_a_disturbed_build() -> None:
    first = bench().builds[0]
    assert (first.plain, first.cold, first.warm) == (1.0, 4.0, 1.02)
    assert abs(first.spread - 0.2) < 1e-9
    assert abs(bench().warm - 4.02 / 4.0) < 1e-9
    assert abs(bench().cold - 16.0 / 4.0) < 1e-9


def test_overhead_is_the_worst_of_the_commands() -> None:
    assert bench().overhead_ms == 2.0


def test_the_report_says_what_was_held() -> None:
    text = render(bench())
    assert "NOT HELD" not in text
    assert "| warm build | 1.005 × | 1.03 × | held |" in text
    assert "| candidate | 0.300 × | 0.35 × | held |" in text
    assert "| lua5.4 | 1.00 | 1.020 × | 4.00 × | 20.0 % | 3 |" in text


def test_the_report_says_what_was_not_held() -> None:
    text = render(bench(ours_ms=24.0, warm_s=(1.2,), plugin_s=0.5))
    assert "| short command | +4.0 ms | 3 ms | NOT HELD |" in text
    assert text.count("NOT HELD") == 3


def test_nothing_measured_is_no_division() -> None:
    assert Candidates(0, 8, 0.0, 0.0).ratio == 0.0
