"""What is read off code: formulas and needs in docstrings, types and bounds of fields, files."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from ebmbench.cards.card import Parameter, Source
from ebmbench.cards.docstrings import about, formula_in, needs_in, parameters_of, source_of, text_of, type_text
from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.contracts.records import DatasetSpec


class Fields(BaseModel):
    """y = m + s e, e ~ N(0, I): an example.

    More of it.
    """

    steps: int = Field(4, ge=1, description="how many")
    share: float = Field(0.5, gt=0, lt=1, description="of what")
    clip: float | None = Field(None, gt=0, description="at most")
    head: Literal["softmax", "mean"] = Field("softmax", description="which")
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field((1.0, 2.0), min_length=1, description="of features")
    names: list[str] = Field(default_factory=list, description="made anew")
    must: str = Field(description="given")


class Heir(Fields):
    must: str = "now given"


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("L = a + b.", "L = a + b"),
        ("Words first. Then L = a\n+ b (Me 2011, eq. 4), c = d. And E = f.", "Then L = a + b, c = d"),
        ("Words alone\n\nL = a + b. Shapes: y (B, d).", "L = a + b"),
        ("Units, p ∝ exp(b.y), at random.", "Units, p ∝ exp(b.y), at random"),
        ("x ~ N(0, 1); no more.", "x ~ N(0, 1); no more"),
        ("F(y) = (a (b)) of eq. 9, as it is (see Me 1999).", "F(y) = (a (b)) of eq. 9, as it is"),
        ("A sentence without any. a=b is code, and a == b a question.", ""),
        ("", ""),
    ],
)
def test_the_first_sentence_that_relates_two_things_is_the_formula(text: str, formula: str) -> None:
    assert formula_in(text) == formula


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("KL = 0. Needs the exact density.", "the exact density"),
        ("KL = 0.\n\nNeeds the exact\ndensity and modes.\nMore.", "the exact density and modes"),
        ("It Needs nothing.", ""),
        ("No word.", ""),
    ],
)
def test_what_a_metric_needs_is_the_sentence_that_says_so(text: str, needs: str) -> None:
    assert needs_in(text) == needs


def test_a_docstring_is_not_inherited() -> None:
    """What a parent computes is not what the child does."""
    assert text_of(Fields).startswith("y = m + s e")
    assert text_of(Heir) == ""
    assert text_of(formula_in).startswith("The first sentence")


def test_fields_say_type_default_bounds_and_meaning() -> None:
    assert parameters_of(Fields, {"steps": 9}) == (
        Parameter("steps", "int", "9", "≥ 1", "how many"),
        Parameter("share", "float", "0.5", "> 0, < 1", "of what"),
        Parameter("clip", "float | None", "None", "> 0", "at most"),
        Parameter("head", "'softmax' | 'mean'", "softmax", "", "which"),
        Parameter("scales", "tuple[float, ...]", "(1.0, 2.0)", "length ≥ 1, each > 0", "of features"),
        Parameter("names", "list[str]", "[]", "", "made anew"),
        Parameter("must", "str", "required", "", "given"),
    )


def test_what_has_no_fields_has_no_parameters() -> None:
    assert parameters_of(len, {}) == ()


def test_a_type_that_nobody_foresaw_is_shown_as_python_does() -> None:
    assert type_text(dict[str, list[int]]) == "dict[str, list[int]]"
    assert type_text("Forward") == "Forward"


def test_the_source_is_where_the_code_stands_and_built_in_code_has_none() -> None:
    entry = CatalogEntry(DatasetSpec("x", Fields, "an example"), "me")
    found = source_of(Fields, entry)
    assert found.file is not None
    assert found.file.name == "test_docstrings.py"
    assert found.line is not None
    assert found.file.read_text().splitlines()[found.line - 1] == "class Fields(BaseModel):"
    assert source_of(len, CatalogEntry(DatasetSpec("x", "builtins:len", "an example"), "me")) == Source("builtins:len")


def test_all_of_it_together() -> None:
    said = about(CatalogEntry(DatasetSpec("x", Fields, "an example", ("Me 2026",)), "me"), Fields, {})
    assert (said.name, said.summary, said.owner) == ("x", "an example", "me")
    assert said.formula == "y = m + s e, e ~ N(0, I): an example"
    assert [paper.name for paper in said.papers] == ["Me 2026"]
