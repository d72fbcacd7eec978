"""Which columns there is room for, and how wide each is: by hand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ebmbench.report.fitting import Field, fitting, table


def titles(fields: list[Field], width: int) -> list[str]:
    return [field.title for field in fitting(fields, width)]


def shown(fields: list[Field], width: int) -> list[str]:
    out = io.StringIO()
    Console(width=width, file=out).print(table(fields, width, [""] * len(fields[0].cells)))
    return out.getvalue().splitlines()


def test_a_column_needs_its_longest_cell_or_word_of_its_heading() -> None:
    assert Field("two words", ["x"]).width == 5
    assert Field("a", ["12345678"]).width == 8
    assert Field("a", ["12345678"], wraps=5).width == 5
    assert Field("a", ["漢字"]).width == 4
    assert Field("a", ["one\nthree"]).width == 5
    assert Field("", []).width == 0


def test_a_unit_stands_on_a_line_of_its_own_where_cells_are_narrow() -> None:
    assert Field("KL (mnats) ↓", ["1.0"]).heading == "KL\n(mnats) ↓"
    assert Field("KL (mnats) ↓", ["1.0"]).width == 9
    assert Field("KL (mnats) ↓", ["1,234.5 ± 12.3"]).heading == "KL (mnats) ↓"


def test_the_first_ranks_are_given_room_first_and_the_order_stays() -> None:
    fields = [Field("late", ["1234"], 2), Field("must", ["1234"], 0), Field("soon", ["1234"], 1)]
    assert titles(fields, 4) == ["must"]
    assert titles(fields, 10) == ["must", "soon"]
    assert titles(fields, 15) == ["must", "soon"]
    assert titles(fields, 16) == ["late", "must", "soon"]
    assert titles(fields, 1) == ["must"], "whatever the width"


def test_what_is_too_wide_leaves_its_place_to_a_later_one() -> None:
    fields = [Field("must", ["1234"]), Field("x" * 300, ["1"], 1), Field("late", ["1234"], 2)]
    assert titles(fields, 20) == ["must", "late"]


def test_those_of_one_rank_stand_together_or_not_at_all() -> None:
    fields = [Field("must", ["1234"]), *(Field(f"set{k}", ["1234"], 1) for k in range(3))]
    assert titles(fields, 21) == ["must"]
    assert titles(fields, 22) == ["must", "set0", "set1", "set2"]


@pytest.mark.parametrize("width", range(34, 60))
def test_no_line_is_longer_and_nothing_is_lost(width: int) -> None:
    """A long cell is broken between its parts where it must be; 38 characters are needed, 47 let it stand."""
    fields = [
        Field("a", ["x" * 17]),
        Field("bcd", ["y" * 5]),
        Field("ok", ["15/15, outside 17 %"], wraps=8, right=False),
    ]
    lines = shown(fields, width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines[2:]).split()
    assert [word for word in ("x" * 17, "15/15,", "outside", "17", "%") if word not in words] == []
    assert (len(lines) == 3) == (width >= 17 + 5 + 19 + 4)
