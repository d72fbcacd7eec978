"""``-k``: the expressions of pytest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebmbench.errors import UsageError
from ebmbench.suite.selection import matcher

NAME = "nce[wide,noise_ratio=8]/8gaussians/0/cpu"


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("nce", True),
        ("NCE", True),
        ("ce[wi", True),
        ("noise_ratio=8", True),
        ("nce[wide,noise_ratio=8]/8gaussians/0/cpu", True),
        ("pcd", False),
        ("not nce", False),
        ("not pcd", True),
        ("not not nce", True),
        ("nce and gaussians", True),
        ("nce and rings", False),
        ("rings or nce", True),
        ("rings or pcd", False),
        ("nce and not rings", True),
        ("pcd and rings or nce", True),
        ("pcd and (rings or nce)", False),
        ("(nce)", True),
        ("((nce) and (not(pcd)))", True),
        ("not (nce and rings)", True),
        ("not nce or cpu", True),
        ("not (nce or cpu)", False),
        ("  nce   and\tcpu ", True),
        ("nothing", False),
        ("order", False),
        ("android or nce", True),
    ],
)
def test_expressions(expression: str, matches: bool) -> None:
    assert matcher(expression)(NAME) is matches


def test_names_in_upper_case_match_too() -> None:
    assert matcher("moons")("NCE/Moons/0")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "   ",
        "and",
        "or nce",
        "nce and",
        "nce or",
        "not",
        "(",
        ")",
        "()",
        "(nce",
        "nce)",
        "nce rings",
        "nce not rings",
        "nce and or rings",
        "(nce) rings",
        "not and nce",
    ],
)
def test_what_is_not_an_expression_is_refused(expression: str) -> None:
    with pytest.raises(UsageError, match="-k"):
        matcher(expression)


def test_the_refusal_says_where() -> None:
    with pytest.raises(UsageError, match="near 'rings'"):
        matcher("nce rings")
    with pytest.raises(UsageError, match="at its end"):
        matcher("nce and")


@pytest.mark.parametrize("expression", ["(" * 5000 + "a" + ")" * 5000, "not " * 5000 + "a"])
def test_nesting_without_end_is_refused(expression: str) -> None:
    with pytest.raises(UsageError):
        matcher(expression)


WORDS = ("nce", "pcd", "cpu", "rings", "8gau")


def expressions() -> st.SearchStrategy[str]:
    words = st.sampled_from(WORDS)
    return st.recursive(
        words,
        lambda inner: st.one_of(
            inner.map(lambda text: f"not ({text})"),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
            st.tuples(words, st.sampled_from(["and", "or"]), words, st.sampled_from(["and", "or"]), words).map(
                " ".join
            ),
        ),
        max_leaves=8,
    )


@pytest.mark.long
@settings(max_examples=150, deadline=None, derandomize=True)
@given(expressions())
def test_an_expression_means_what_python_would_say(expression: str) -> None:
    """With every word replaced by whether it occurs, as pytest itself evaluates it."""
    words = {word: str(word in NAME) for word in WORDS}
    text = " ".join(words.get(part, part) for part in expression.replace("(", " ( ").replace(")", " ) ").split())
    assert matcher(expression)(NAME) is eval(text, {})  # noqa: S307 - of words, and, or, not alone
