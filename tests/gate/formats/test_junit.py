"""JUnit XML, by the published structure of it, and as a reader of such files understands it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestSuite

from ebmbench.gate.formats.junit import written
from ebmbench.gate.formats.wording import sentence
from ebmbench.gate.verdicts import Judgement
from tests.judgements import CRASHED, EMPTY, FULL, HOSTILE, LONGER, NARROW, OPEN, UNTOUCHED

OUTCOME = (set[str](), {"type", "message"}, set[str]())
STRUCTURE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": OUTCOME,
    "skipped": OUTCOME,
    "system-out": (set(), set(), set()),
}
"""Of each element: the attributes that it must have, those that it may have, and its children.

By the facts of junit-10.xsd of Jenkins's xUnit plugin, without what is not written here.
"""
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
COUNTS = ("tests", "failures", "errors", "skipped")


def faults(element: Element) -> Iterator[str]:
    """What of an element, and of all in it, the schema does not allow."""
    if element.tag not in STRUCTURE:
        yield f"<{element.tag}>"
        return
    must, may, children = STRUCTURE[element.tag]
    yield from (f"{element.tag} without {name}" for name in must - set(element.attrib))
    yield from (f"{element.tag} with {name}" for name in set(element.attrib) - must - may)
    yield from (f"{name} is no number" for name in COUNTS if not element.get(name, "0").isdecimal())
    if not TIME.fullmatch(element.get("time", "")):
        yield "time"
    if element.tag.startswith("test") and (element.text or "").strip():
        yield f"text in {element.tag}"
    for child in element:
        if child.tag not in children:
            yield f"<{child.tag}> in {element.tag}"
        yield from faults(child)


def read(judgement: Judgement) -> list[TestSuite]:
    """Its suites, each with numbers that are those of its cases."""
    text = written(judgement)
    assert list(faults(fromstring(text))) == []
    found = JUnitXml.fromstring(text)
    suites = [suite for suite in found if isinstance(suite, TestSuite)]
    said = [tuple(getattr(suite, name) for name in COUNTS) for suite in suites]
    for suite in suites:
        suite.update_statistics()  # type: ignore[no-untyped-call]
    assert [tuple(getattr(suite, name) for name in COUNTS) for suite in suites] == said
    assert (found.tests, found.failures, found.errors) == tuple(sum(one[k] for one in said) for k in range(3))
    return suites


def test_exactly_this_is_written() -> None:
    text = written(replace(EMPTY, findings=(LONGER, NARROW, OPEN), untouched=("a<b",), seconds=1.5))
    longer, narrow, undecided = map(sentence, (LONGER, NARROW, OPEN))
    assert (
        text
        == f"""<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ebmbench gate toy2d: main (4177ab9) -&gt; 4c8a8b9" tests="4" failures="1" errors="0" time="1.500">
 <testsuite name="nce" tests="2" failures="1" errors="0" skipped="0">
  <testcase classname="nce" name="time step">
   <failure type="regressed" message="{longer}">{longer}</failure>
  </testcase>
  <testcase classname="nce" name="quality kl">
   <system-out>{narrow}</system-out>
  </testcase>
 </testsuite>
 <testsuite name="dsm" tests="1" failures="0" errors="0" skipped="1">
  <testcase classname="dsm" name="time step">
   <skipped type="undecided" message="{undecided}">{undecided}</skipped>
  </testcase>
 </testsuite>
 <testsuite name="a&lt;b" tests="1" failures="0" errors="0" skipped="0">
  <testcase classname="a&lt;b" name="untouched" />
 </testsuite>
</testsuites>
"""
    )


def test_a_suite_a_method_and_a_case_a_measure() -> None:
    suites = read(FULL)
    assert {suite.name: [case.name for case in suite] for suite in suites} == {
        "nce": ["work energy_rows", "work gradient_rows", "work aten", "time step", "quality kl"],
        "dsm": ["work peak_bytes", "quality kl", "time step"],
        "pcd": ["work aten", "time step", "quality kl"],
        "gan": ["outcome failed"],
        "cd_k": ["untouched"],
        "gmm": ["untouched"],
    }
    results = [result for suite in suites for case in suite for result in case.result]
    assert Counter(map(type, results)) == {Failure: 4, Skipped: 3}
    assert sentence(CRASHED) in [result.message for result in results]


def test_nothing_touched_is_a_file_of_cases_that_pass() -> None:
    assert read(EMPTY) == []
    assert [(suite.name, suite.tests, suite.failures) for suite in read(UNTOUCHED)] == [
        (name, 1, 0) for name in UNTOUCHED.untouched
    ]


def test_no_name_is_markup_or_a_character_that_xml_has_not() -> None:
    suites = read(HOSTILE)
    names = [str(suite.name) for suite in suites]
    assert names[0] == names[2] == "�]0;t�[bold]|`<b>�@you&�$x$~~y~~"
    assert names[1] == ""
    assert written(HOSTILE).isascii(), "whatever the encoding of the file"


@pytest.mark.parametrize(
    "wrong",
    [
        "<testsuites skipped='0'/>",
        "<testsuites><testcase name='a'/></testsuites>",
        "<testsuites><testsuite name='a' tests='1' failures='0'/></testsuites>",
        "<testsuites><testsuite name='a' tests='x' failures='0' errors='0'/></testsuites>",
        "<testsuites><testsuite name='a' tests='1' failures='0' errors='0'>text</testsuite></testsuites>",
        "<testsuites time='1e-3'/>",
        "<report/>",
    ],
)
def test_what_is_wrong_is_seen(wrong: str) -> None:
    assert list(faults(fromstring(wrong))) != []
