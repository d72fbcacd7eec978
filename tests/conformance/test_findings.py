"""What a finding says, and what becomes of a check that raises."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.conformance import findings
from ebmbench.conformance.findings import Checked, Finding, carried_out, line_of, why
from ebmbench.errors import NotApplicable


def wrong(subject: str) -> Iterator[Finding]:
    yield Finding("wrong", "this", f"that of {subject}", "a slip", "mine.py:3")


def raises(subject: str) -> Iterator[Finding]:
    yield from [int("expected scalar type Float but found Double")]  # type: ignore[misc]


def elsewhere(subject: str) -> Iterator[Finding]:
    yield from ()
    raise NotApplicable("nothing to be seen")


def right(subject: str) -> Iterator[Finding]:
    yield from ()


def test_a_finding_says_what_why_and_where() -> None:
    found = str(Finding("form", "(64,)", "(64, 1)", "squeeze it", "mine.py:7"))
    assert found == "form: expected (64,); saw (64, 1) (mine.py:7)\n    likely: squeeze it"


def test_advice_is_no_fault() -> None:
    advice = Finding("waiting", "none", "one", advice=True)
    assert str(advice).startswith("advice, waiting: ")
    assert Checked("mine", "method", (), (advice,), 1.0).ok
    assert not Checked("mine", "method", (), (advice, Finding("form", "a", "b")), 1.0).ok


def test_all_checks_are_carried_out_and_one_that_raises_is_a_finding() -> None:
    checks = {"wrong": wrong, "raises": raises, "elsewhere": elsewhere, "right": right}
    found = carried_out("mine", "method", "it", checks, raises, frozenset())
    assert found.passed == ("elsewhere", "right")
    assert [one.seen for one in found.findings] == [
        "that of it",
        "ValueError: invalid literal for int() with base 10: 'expected scalar type Float but found Double'",
    ]
    assert found.findings[1].where.startswith(f"{__file__}:")
    assert "single precision" in found.findings[1].cause


def test_after_a_fatal_one_the_others_are_left_out() -> None:
    found = carried_out("mine", "method", "it", {"wrong": wrong, "right": right}, raises, frozenset({"wrong"}))
    assert (found.passed, len(found.findings)) == ((), 1)


def test_the_line_of_a_member_of_a_class_or_of_a_function() -> None:
    assert line_of(Checked, "ok") == line_of(Checked("", "", (), (), 0.0), "ok") != line_of(Checked)
    assert "findings.py:" in line_of(Checked, "ok")
    assert line_of(wrong).startswith(f"{__file__}:")
    assert line_of(len) == ""
    assert findings.file_of(wrong) == __file__


def test_an_error_that_nobody_knows_has_no_likely_cause() -> None:
    assert why(ValueError("nobody knows")) == ""
