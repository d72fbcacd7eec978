"""What is read off code: the formula and needs in a docstring, the fields of a record, the file that it stands in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ebmbench.cards.card import About, Parameter, Source
from ebmbench.cards.papers import papers
from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.identity.closure import public_name

CITATION = re.compile(r"\s*\([^()]*\b(?:1[89]|20)\d\d\b[^()]*\)")
"""A parenthesis with a year, and the space before it."""
SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z`(])|\n\s*\n")
"""Where a sentence ends: a stop before a capital, or an empty line."""
RELATION = re.compile(r"\s[=∝~]\s")
"""What makes a sentence a formula: a sign of equality, proportion or law between spaces."""
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "multiple of", "min_length": "length ≥"}


def text_of(target: Any) -> str:
    """The docstring of a class or function as it is written, not one that it inherits."""
    own = target.__dict__.get("__doc__") if isinstance(target, type) else getattr(target, "__doc__", None)
    return inspect.cleandoc(own) if isinstance(own, str) else ""


def formula_in(text: str) -> str:
    """The first sentence of a docstring that relates two things by =, ∝ or ~, on one line, without citations."""
    for sentence in SENTENCE.split(CITATION.sub("", text)):
        if RELATION.search(sentence):
            return " ".join(sentence.split()).removesuffix(".")
    return ""


def needs_in(text: str) -> str:
    """What follows ``Needs`` in a docstring: what a metric cannot be had without."""
    found = re.search(r"(?:^|(?<=\. )|\n)Needs ([^.]+)\.", text)
    return " ".join(found[1].split()) if found else ""


def parameters_of(target: Any, presets: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The fields of a pydantic class, inherited ones too, with their defaults under a name of the catalog."""
    return tuple(
        Parameter(
            name,
            type_text(field.annotation),
            _default(field, name, presets),
            ", ".join(_bounds(field.metadata, field.annotation)),
            field.description or "",
        )
        for name, field in getattr(target, "model_fields", {}).items()
    )


def _default(field: Any, name: str, presets: Mapping[str, Any]) -> str:
    if name in presets:
        return str(presets[name])
    return "required" if field.is_required() else str(field.get_default(call_default_factory=True))


def type_text(annotation: Any) -> str:
    """A type as one writes it: ``float | None``, ``tuple[float, ...]``, ``'softmax' | 'mean'``."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(parts[0])
    if origin in (Union, UnionType):
        return " | ".join(type_text(part) for part in parts)
    if origin is Literal:
        return " | ".join(repr(part) for part in parts)
    if origin is not None and parts:
        return f"{type_text(origin)}[{', '.join(type_text(part) for part in parts)}]"
    if annotation is NoneType:
        return "None"
    if annotation is ...:
        return "..."
    return getattr(annotation, "__name__", str(annotation))


def _bounds(metadata: Any, annotation: Any) -> Iterator[str]:
    """``≥ 1``; of what a tuple holds, ``each > 0``."""
    for fact in metadata:
        for name, sign in BOUNDS.items():
            bound = getattr(fact, name, None)
            if bound is not None:
                yield f"{sign} {bound:g}"
    for part in get_args(annotation):
        if get_origin(part) is Annotated:
            inner, *facts = get_args(part)
            facts = [fact for one in facts for fact in getattr(one, "metadata", [one])]
            yield from (f"each {bound}" for bound in _bounds(facts, inner))


def source_of(target: Any, entry: CatalogEntry[Any]) -> Source:
    """Where the code of a record stands: of a single-file plugin the file as it was given."""
    shown = public_name(entry.target)
    try:
        code = inspect.unwrap(target)
        file, line = inspect.getsourcefile(code), inspect.getsourcelines(code)[1]
    except (TypeError, OSError):
        return Source(shown)
    return Source(shown, entry.file or (Path(file) if file else None), line)


def about(entry: CatalogEntry[Any], target: Any, presets: Mapping[str, Any]) -> About:
    """What there is to know of an entry of the catalog whose class or function is ``target``."""
    text = text_of(target)
    return About(
        name=entry.spec.name,
        summary=entry.spec.summary,
        formula=formula_in(text),
        text=text,
        parameters=parameters_of(target, presets),
        papers=papers(entry.spec.refs),
        owner=entry.owner,
        source=source_of(target, entry),
    )
