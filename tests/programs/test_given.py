"""What callers give, checked: whatever it is, the answer is one sentence that says what is allowed."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest

from seedless import Options, compile, evaluate, export  # noqa: A004  the verb that it is
from seedless.errors import UsageError
from seedless.evals.compile import CompileOptions
from seedless.given import check_path, check_share, plain
from seedless.lms.adapters import adapter_of
from seedless.strategy import Strategy
from seedless.testing import fake_lm


@pytest.mark.parametrize("given", ["xml", None, ["json"], 3])
@pytest.mark.parametrize(
    ("take", "what"),
    [(Strategy.named, "strategy"), (adapter_of, "adapter"), (lambda given: export(Path("none"), given), "format")],
)
def test_a_name_that_is_none_is_refused(take: Callable[[Any], object], what: str, given: object) -> None:
    with pytest.raises(UsageError) as caught:
        take(given)
    assert str(caught.value).startswith(f"given the {what} {given!r}, allowed are ")
    assert str(caught.value).endswith("; name one of them")


def test_shares_lie_between_0_and_1() -> None:
    check_share({"trace": None, "other": 0, "third": 1.0})
    for given in (-0.1, 1.1, float("nan"), float("inf"), True, "0.5"):
        with pytest.raises(UsageError, match=f"given --trace {given}, 0 to 1 is allowed"):
            check_share({"trace": given})


@pytest.mark.parametrize("given", [3, b"x", "a\0b", ["a"]])
def test_what_is_no_path_is_refused(given: Any) -> None:
    takes: tuple[Callable[[Any], object], ...] = (
        lambda given: check_path("out", given),
        lambda given: Options(program=given),
        lambda given: compile("movie_reviews", lm=fake_lm(str), out=given),
        lambda given: evaluate([], "movie_reviews", out=given),
    )
    for take in takes:
        with pytest.raises(UsageError, match="a path is allowed; give one or leave it out"):
            take(given)


def test_what_has_a_path_is_one() -> None:
    assert check_path("out", PurePath("a/b")) == check_path("out", "a/b") == Path("a/b")


@pytest.mark.parametrize("given", [{"seed": None}, {"max_refills": None}, {"verify": None}, {"verify": 3}, {"fresh": "no"}])
def test_an_option_that_is_none_of_what_is_allowed_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="allowed"):
        Options(**given)


def test_numbers_of_other_kinds_become_python_s_own() -> None:
    options = Options(seed=np.int64(1), max_cost=Decimal("2.5"), timeout=np.float32(3))  # type: ignore[arg-type]
    assert [type(number) for number in (options.seed, options.max_cost, options.timeout)] == [int, float, float]
    search = CompileOptions(seed=np.int64(1), budget_calls=np.int32(60), budget_usd=Decimal("2.5"))  # type: ignore[arg-type]
    assert [type(number) for number in (search.seed, search.budget_calls, search.budget_usd)] == [int, int, float]
    with pytest.raises(UsageError, match="a whole number is allowed"):
        CompileOptions(seed=None)  # type: ignore[arg-type]
    assert [plain(given) for given in (True, None, "3")] == [True, None, "3"]
