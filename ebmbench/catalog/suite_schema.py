"""The JSON Schema of a suite file with what every plugin at hand may be told: for completion and errors in editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.records import NAME_PATTERN
from ebmbench.errors import UsageError
from ebmbench.suite.schema import Suite

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT_OR = {"timeout": "number", "memory": "integer"}
"""Settings that are written as a number, or as one with a unit."""


def suite_schema(catalog: Catalog) -> Schema:
    """The schema of a file that ``ebmbench run`` takes; a plugin that cannot be imported has no parameters in it."""
    found = Suite.model_json_schema()
    own, definitions = found["properties"], found.setdefault("$defs", {})
    definitions.pop("SuiteEntry")
    for key, entries in (("methods", catalog.methods), ("datasets", catalog.datasets)):
        own[key]["items"] = _item(entries, definitions, files=key == "datasets")
    names = {"enum": sorted(catalog.metrics)}
    own["metrics"] = {
        "anyOf": [{"enum": ["core", "all"]}, {"type": "array", "items": {"anyOf": [names, {"type": "string"}]}}],
        "default": "core",
    }
    own["seeds"] = {"anyOf": [{"type": "integer", "minimum": 1}, own["seeds"]]}
    profile = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/DeviceProfile"}]}
    own["devices"] = {"anyOf": [profile, {"type": "array", "minItems": 1, "items": profile}]}
    for key, kind in TEXT_OR.items():
        own[key] = {"type": [kind, "string"], "default": own[key].get("default")}
    return {"$schema": DIALECT, **found, "title": "A suite of ebmbench"}


def _item(entries: Mapping[str, CatalogEntry[Any]], definitions: Schema, files: bool) -> Schema:
    """A name, or a mapping with a name and what is told to the component of that name."""
    known = {"enum": sorted(entries), "description": "what the plugins at hand offer"}
    name = {"anyOf": [known, {"type": "string", "pattern": NAME_PATTERN}]}
    told = [
        {
            "if": {"properties": {"name": {"const": entry.spec.name}}, "required": ["name"]},
            "then": _fields(entry, definitions),
        }
        for entry in entries.values()
    ]
    mapping: Schema = {"type": "object", "properties": {"name": name}, "required": ["name"], "allOf": told}
    own_data = {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"]}
    return {"anyOf": [name, mapping, *([own_data] if files else [])]}


def _fields(entry: CatalogEntry[Any], definitions: Schema) -> Schema:
    """What stands beside the name of a component: its own fields, its label, its grid."""
    try:
        target = entry.load()
    except UsageError:
        return {}
    if not (isinstance(target, type) and issubclass(target, BaseModel)):
        return {}
    prefix = f"{entry.spec.name}."
    schema = target.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    definitions |= {prefix + key: value for key, value in schema.pop("$defs", {}).items()}
    fields: Schema = {key: _preset(value, entry, key) for key, value in schema.get("properties", {}).items()}
    grid = {key: {"type": "array", "minItems": 1, "items": value} for key, value in fields.items()}
    return {
        "description": entry.spec.summary,
        "properties": {
            "name": True,
            "label": {"type": "string", "pattern": NAME_PATTERN, "description": "what the row is called"},
            "grid": {"type": "object", "properties": grid, "additionalProperties": False},
            "select": {"type": "string", "description": "a metric of validation data that chooses from the grid"},
            **fields,
        },
        "additionalProperties": False,
    }


def _preset(field: Schema, entry: CatalogEntry[Any], key: str) -> Schema:
    """A field with the default that it has under this name."""
    return {**field, "default": entry.spec.params[key]} if key in entry.spec.params else field
