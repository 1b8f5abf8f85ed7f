"""How a name is spelled."""

import pytest

from seedless.spelling import seen, typed, unaccented


@pytest.mark.parametrize(
    ("first", "second"),
    [("n\u00e9", "ne\u0301"), ("a  b", " a b"), ("a\u00a0b", "a b"), ("a\u200bb", "ab"), ("\ufeffa\u2060", "a"), ("❤\ufe0f", "❤")],
)
def test_what_looks_the_same_is_the_same(first: str, second: str) -> None:
    assert seen(first) == seen(second)


@pytest.mark.parametrize(
    ("first", "second"), [("can’t", "can't"), ("“a”", '"a"'), ("«a»", '"a"'), ("Ａ／Ｂ", "A/B"), ("ﬁne", "fine"), ("…", "...")]
)
def test_what_is_typed_alike_looks_different(first: str, second: str) -> None:
    assert typed(first) == typed(second)
    assert seen(first) != seen(second)


@pytest.mark.parametrize(("first", "second"), [("İLTİFAT", "ILTIFAT"), ("ŞİKÂYET", "SIKAYET"), ("ΠΑΡΆΠΟΝΟ", "ΠΑΡΑΠΟΝΟ")])
def test_what_differs_in_accents_is_the_same_without_them(first: str, second: str) -> None:
    assert unaccented(first) == unaccented(second)
    assert typed(first) != typed(second)


@pytest.mark.parametrize(("first", "second"), [("й", "и"), ("が", "か"), ("कि", "की"), ("각", "가"), ("1²", "12")])
def test_what_is_no_accent_stays(first: str, second: str) -> None:
    assert unaccented(first) != unaccented(second)


@pytest.mark.parametrize(("first", "second"), [("1²", "12"), ("½", "1/2"), ("①", "1"), ("é", "e"), ("A", "a")])
def test_what_says_something_else_stays(first: str, second: str) -> None:
    assert typed(first) != typed(second)
