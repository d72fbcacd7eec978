"""A judgement as JUnit XML: a test suite a method, a test case a measure.

What regressed is a failure, what is undecided is skipped, both with the sentence that people read; of the others it is
the output. A method that the change does not touch has one case that passes, so that a file is never without any.

Source: the schema of Jenkins's xUnit plugin (junit-10.xsd), which Ant's files fit as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ebmbench.errors import printable
from ebmbench.gate.formats.wording import by_method, heads, label, sentence
from ebmbench.gate.verdicts import Finding, Judgement, Verdict

OUTCOMES = {Verdict.REGRESSED: "failure", Verdict.UNDECIDED: "skipped"}
"""The element that says that a case did not pass."""
UNTOUCHED = "untouched"
"""The case of a method of which nothing was run."""


def written(judgement: Judgement) -> str:
    """The XML, in ASCII: whatever is not stands as a reference to its character."""
    found = by_method(judgement)
    failures = sum(finding.verdict is Verdict.REGRESSED for finding in judgement.findings)
    root = _element(
        "testsuites",
        name=f"ebmbench gate {heads(judgement)[0]}",
        tests=str(len(judgement.findings) + len(judgement.untouched)),
        failures=str(failures),
        errors="0",
        time=f"{judgement.seconds:.3f}",
    )
    for method, findings in found.items():
        _suite(root, method, findings)
    for method in judgement.untouched:
        _case(_suite(root, method, (), tests=1), method, UNTOUCHED)
    indent(root, " ")
    body: bytes = tostring(root, encoding="us-ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body.decode()}\n'


def _suite(root: Element, method: str, findings: Sequence[Finding], tests: int = 0) -> Element:
    count = [sum(OUTCOMES.get(finding.verdict) == outcome for finding in findings) for outcome in OUTCOMES.values()]
    suite = _element(
        "testsuite",
        root,
        name=method,
        tests=str(tests or len(findings)),
        failures=str(count[0]),
        errors="0",
        skipped=str(count[1]),
    )
    for finding in findings:
        case, said = _case(suite, method, label(finding)), printable(sentence(finding))
        if finding.verdict in OUTCOMES:
            _element(OUTCOMES[finding.verdict], case, type=finding.verdict.value, message=said).text = said
        else:
            _element("system-out", case).text = said
    return suite


def _case(suite: Element, method: str, name: str) -> Element:
    return _element("testcase", suite, classname=method, name=name)


def _element(tag: str, parent: Element | None = None, **attributes: str) -> Element:
    """An element whose attributes hold no character that XML has not."""
    safe = {name: printable(value) for name, value in attributes.items()}
    return Element(tag, safe) if parent is None else SubElement(parent, tag, safe)
