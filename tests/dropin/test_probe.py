from dropin.twin import Case, Twin
import pytest
@pytest.mark.parametrize("mode", ["disabled","no_plan"])
def test_x(twin: Twin, mode: str) -> None:
    twin.check(Case((("-Oz","-c","a.c","-g"),), {"a.c":"int f(int x){return x*3;}\n"}), mode)
