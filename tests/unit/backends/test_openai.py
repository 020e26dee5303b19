"""The backend ``openai`` against a peer at its seam: what it sends, and what becomes of all that can go wrong."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest
from integration.completions_server import Answering, Body, Peer, Reply, completion, models, serving

from clang_llm.backends import openai
from clang_llm.backends.openai import Conversation, OpenaiBackend, gbnf
from clang_llm.models.flag_tuning import Question
from clang_llm.models.prompt import flag_tuning
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Choice, Module, Request
from clang_llm.system.errors import BackendError, NoAnswer
from clang_llm.system.log import fold_events
from clang_llm.system.settings import Settings
from clang_llm.system.web import MAX_REPLY, WebServer

IR = "define i32 @f() {\n  ret i32 1\n}\n"
CHOICES = ["globaldce", 'function(adce)"\\']
QUESTION = Question(flag_tuning(IR))


def ask(peer: Peer, choices: list[str] | None = None, model: str | None = None, key: str | None = None) -> str:
    return Conversation(WebServer(peer.url, key, 10), model, choices or []).answer(QUESTION)


def by_path(**replies: Reply) -> Answering:
    return lambda path, _: replies.get(path.rsplit("/", 1)[1], (404, {"error": "no such path"}))


def test_the_prompt_is_sent_as_it_is() -> None:
    with serving(by_path(models=models("someone"), completions=completion("opt -p 'adce'"))) as peer:
        assert ask(peer, key="secret") == "opt -p 'adce'"
    assert peer.paths() == ["/v1/models", "/v1/completions"]
    _, body, headers = peer.asked[1]
    assert body == {"model": "tiny", "max_tokens": 800, "temperature": 0, "prompt": QUESTION.prompt}
    assert headers["Authorization"] == "Bearer secret"


def test_the_base_url_may_end_in_v1() -> None:
    with serving(by_path(models=models("someone"), completions=completion("x"))) as peer:
        peer.url += "/behind/v1/"
        ask(peer, model="mine")
    assert peer.paths() == ["/behind/v1/models", "/behind/v1/completions"]
    assert peer.asked[1][1]["model"] == "mine"


def test_a_server_that_only_chats_gets_the_question_without_its_marks() -> None:
    def reply(path: str, body: Body) -> Reply:
        if path == "/v1/chat/completions":
            return 200, {"choices": [{"message": {"role": "assistant", "content": body["messages"][0]["content"]}}]}
        return models("someone") if path == "/v1/models" else (404, {})

    with serving(reply) as peer:
        said = ask(peer)
    assert said == f"Tell me how to optimize this LLVM-IR for object file size:\n\n<code>{IR}</code>"


@pytest.mark.parametrize(
    ("owner", "version", "expected"),
    [
        ("vllm", "0.15.1", {"structured_outputs": {"choice": CHOICES}}),
        ("vllm", "0.6.3.post1", {"guided_choice": CHOICES}),
        ("vllm", None, {"structured_outputs": {"choice": CHOICES}}),
        ("llamacpp", None, {"grammar": 'root ::= "globaldce" | "function(adce)\\"\\\\"'}),
        ("someone", None, {"structured_outputs": {"choice": CHOICES}}),
    ],
)
def test_each_server_is_told_the_choices_in_its_own_way(
    owner: str, version: str | None, expected: dict[str, object]
) -> None:
    told = (200, {"version": version}) if version else (404, {})
    with serving(by_path(models=models(owner), version=told, completions=completion("globaldce"))) as peer:
        assert ask(peer, CHOICES) == "globaldce"
    _, body, _ = peer.asked[-1]
    assert {name: body[name] for name in body.keys() - {"model", "max_tokens", "temperature", "prompt"}} == expected


def test_text_generation_inference_is_asked_at_its_own_path() -> None:
    replies = by_path(models=models("meta/x", "meta/x"), generate=(200, {"generated_text": "globaldce"}))
    with serving(replies) as peer:
        assert ask(peer, CHOICES) == "globaldce"
    path, body, _ = peer.asked[-1]
    assert (path, body["inputs"]) == ("/generate", QUESTION.prompt)
    grammar = body["parameters"].pop("grammar")
    assert body["parameters"] == {"max_new_tokens": 800, "do_sample": False, "return_full_text": False}
    assert grammar["type"] == "regex"
    assert all(re.fullmatch(grammar["value"], choice) for choice in CHOICES)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_the_choices_is_asked_without(status: int) -> None:
    def reply(path: str, body: Body) -> Reply:
        if path == "/v1/models":
            return models("someone")
        return (status, {"detail": "unexpected field"}) if "structured_outputs" in body else completion("adce")

    with serving(reply) as peer:
        conversation = Conversation(WebServer(peer.url, None, 10), None, CHOICES)
        assert [conversation.answer(QUESTION) for _ in range(2)] == ["adce", "adce"]
    # Once it has refused, it is not asked again.
    assert ["structured_outputs" in body for _, body, _ in peer.asked if body] == [True, False, False]


def test_a_grammar_quotes_what_is_special_in_it() -> None:
    assert gbnf(['a"b', "c\\d"]) == 'root ::= "a\\"b" | "c\\\\d"'


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ((500, {"error": "out of\nmemory"}), 'the server answers 500: .*"out of'),
        ((401, b"wrong key secret"), r"answers 401: wrong key \*\*\*$"),
        ((302, b""), "answers 302"),
        ((200, b"{not json"), "not JSON"),
        ((200, b'{"choices": [{"text": "\xff\xfe"}]}'), "not JSON"),
        ((200, DEEP), "not JSON"),
        ((200, b"x" * (MAX_REPLY + 1)), "more than"),
        ((200, {"choices": []}), "no text"),
        ((200, {"choices": [{"text": 3}]}), "no text"),
        ((200, [1, 2]), "no text"),
    ],
)
def test_replies_that_make_no_sense_are_errors(reply: Reply, problem: str) -> None:
    with serving(by_path(models=models("someone"), completions=reply)) as peer, pytest.raises(BackendError) as caught:
        ask(peer, key="secret")
    assert re.search(problem, str(caught.value))
    assert "secret" not in str(caught.value)


def test_a_server_without_models_needs_a_name() -> None:
    with serving(by_path(models=(500, b"no cache"), completions=completion("x"))) as peer:
        assert ask(peer, model="mine") == "x"
        with pytest.raises(BackendError, match="CLANG_LLM_MODEL"):
            ask(peer)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp" + "://x", "http" + "://", "http" + "://x:y", "http" + "://[x"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(BackendError, match="CLANG_LLM_URL"):
        WebServer(url, None, 1).ask("/")


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(BackendError, match="API_KEY") as caught:
        WebServer("http" + "://x", "secret\r\nX: y", 1)
    assert "secret" not in str(caught.value)


class Reader:
    """Stands for the plugin."""

    def describe(self, head: str) -> list[str]:
        raise AssertionError(head)

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        raise AssertionError(choice)

    def module(self) -> Module:
        return Module(b"bitcode", ())


@pytest.fixture
def as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "text_of", lambda _: IR)


def backend(tmp_path: Path, **variables: str) -> OpenaiBackend:
    named = {f"CLANG_LLM_{name}": value for name, value in variables.items()}
    places = {
        "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"),
        "PATH": "/nowhere",
        "CLANG_LLM_LOG": str(tmp_path / "log"),
    }
    return OpenaiBackend(Settings.load({**places, "CLANG_LLM_BACKEND": "openai", **named}))


def proposed(backend: OpenaiBackend, budget: int = 4) -> list[Recipe]:
    request = Request("ab" * 32, "19.1.7", 19, "x86_64-pc-linux-gnu", budget, reader=Reader())
    return list(next(backend.propose(request)))


SHIPPED = tuple(read_coreset(19).for_target("x86_64"))


@pytest.mark.usefixtures("as_text")
def test_an_answer_that_is_a_choice_comes_first(tmp_path: Path) -> None:
    chosen = SHIPPED[5]
    with serving(by_path(models=models("llamacpp"), completions=completion(f" {chosen.flat}\n"))) as peer:
        found = backend(tmp_path, URL=peer.url)
        assert proposed(found)[:2] == [chosen, SHIPPED[0]]
    assert found.accepts(chosen)
    assert found.vetted(Request("ab" * 32, "19.1.7", 19, "x86_64", 4)) == read_coreset(19).identity


@pytest.mark.usefixtures("as_text")
def test_what_nothing_vouches_for_is_not_proposed_or_not_accepted(tmp_path: Path) -> None:
    own = Recipe("function(adce)")
    with serving(by_path(models=models("x"), completions=completion("opt -p 'function(adce)'"))) as peer:
        refusing = backend(tmp_path, URL=peer.url)
        assert own not in proposed(refusing)
        assert not refusing.accepts(own)
        assert "not validated, and CLANG_LLM_UNVETTED is refuse: function(adce)" in (tmp_path / "log").read_text()
        validating = backend(tmp_path, URL=peer.url, UNVETTED="validate")
        assert proposed(validating)[0] == own
        # There is no clang to validate with.
        assert not validating.accepts(own)
        assert validating.accepts(SHIPPED[0])
    # Held to shipped recipes only where the others are refused.
    assert ["structured_outputs" in body for _, body, _ in peer.asked if body] == [True, False]


@pytest.mark.usefixtures("as_text")
@pytest.mark.parametrize("reply", [(500, b"ill"), (200, b"\xff"), completion("no idea")])
def test_a_server_that_fails_leaves_the_shipped_recipes(tmp_path: Path, reply: Reply) -> None:
    with serving(by_path(models=models("x"), completions=reply)) as peer:
        assert proposed(backend(tmp_path, URL=peer.url))[:2] == list(SHIPPED[:2])
    assert "openai: " in (tmp_path / "log").read_text()


@pytest.mark.usefixtures("as_text")
def test_a_server_that_is_down_leaves_the_shipped_recipes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http{'://'}127.0.0.1:{nobody.getsockname()[1]}"
        (tmp_path / "cache").mkdir()
        one = backend(tmp_path, URL=url, MODEL="m", CACHE_DIR=str(tmp_path / "cache"))
        assert proposed(one)[:2] == list(SHIPPED[:2])
    assert fold_events(tmp_path / "cache") == {"model:failed": 1}
    assert "no answer from 127.0.0.1" in (tmp_path / "log").read_text()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("as_text")
def test_a_slow_server_is_waited_for_as_long_as_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(path: str, body: Body) -> Reply:
        del path
        if body is None:
            return models("x")
        time.sleep(1.5)
        return completion(SHIPPED[5].flat)

    late: list[str] = []
    monkeypatch.setattr(openai, "no_answer_in_time", lambda _, __, why: late.append(why))
    cache = tmp_path / "counted"
    cache.mkdir()
    with serving(reply) as peer:
        started = time.monotonic()
        assert proposed(backend(tmp_path, URL=peer.url, CACHE_DIR=str(cache), INFER_MS="300"))[:2] == list(SHIPPED[:2])
        assert time.monotonic() - started < 1.4
        assert proposed(backend(tmp_path, URL=peer.url, CACHE_DIR=str(cache), INFER="background"))[:2] == list(
            SHIPPED[:2]
        )
        assert len(late) == 2
        assert "0.3 s" in late[0]
        assert proposed(backend(tmp_path, URL=peer.url, CACHE_DIR=str(cache), INFER="wait"))[0] == SHIPPED[5]
    assert len(late) == 2
    assert fold_events(cache) == {"model:late": 1, "model:background": 1, "model:answered": 1}


@pytest.mark.usefixtures("as_text")
def test_a_server_that_drips_is_late_too(tmp_path: Path) -> None:
    """Every byte comes within the time limit of a socket, and all of them do not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    for _ in range(30):
                        connection.sendall(b"H")
                        time.sleep(0.1)
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http{'://'}127.0.0.1:{server.getsockname()[1]}"
        started = time.monotonic()
        assert proposed(backend(tmp_path, URL=url, INFER_MS="400"))[:2] == list(SHIPPED[:2])
        assert time.monotonic() - started < 2
        thread.join(10)
    assert "no answer within 0.4 s" in (tmp_path / "log").read_text()


def test_no_url_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="CLANG_LLM_URL"):
        proposed(backend(tmp_path))


def test_late_is_no_other_failure() -> None:
    assert issubclass(NoAnswer, BackendError)
