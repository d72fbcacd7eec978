"""What templates show is escaped, by the format's own rule or for HTML; what they lack is an error."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from ebmbench.report.templating import environment


def test_without_a_rule_it_is_escaped_for_html() -> None:
    assert environment().from_string("<b>{{ name }}</b>").render(name="<i>") == "<b>&lt;i&gt;</b>"


def test_a_format_has_its_own_rule_and_marks() -> None:
    found = environment(lambda value: f"[{value}]", variable_start_string="<<", variable_end_string=">>")
    assert found.from_string("{{ << name >> }}\n").render(name="<i>") == "{{ [<i>] }}\n"


def test_what_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="name"):
        environment().from_string("{{ name }}").render()
