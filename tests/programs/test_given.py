"""What callers give, checked: whatever it is, the answer is one sentence that says what is allowed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedless import export
from seedless.errors import UsageError
from seedless.given import check_share
from seedless.lms.adapters import adapter_of
from seedless.strategy import Strategy


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
