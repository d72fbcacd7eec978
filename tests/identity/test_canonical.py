"""One text for one value, whatever the order in which it was written; and its hash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebmbench.identity.canonical import canonical, sha256

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


def turned(value: object) -> object:
    """The same value with every mapping written in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values)
def test_canonical_does_not_see_the_order_of_keys(value: object) -> None:
    assert canonical(turned(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


def test_canonical_by_hand() -> None:
    assert (
        canonical({"b": [1, 2.5, None], "a": {"d": True, "c": "é"}})
        == '{"a":{"c":"\\u00e9","d":true},"b":[1,2.5,null]}'
    )
    assert canonical([1, 2]) != canonical([2, 1])
    assert canonical(1) != canonical(1.0) != canonical("1.0")


def test_canonical_refuses_what_json_cannot_say() -> None:
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})
    with pytest.raises(TypeError):
        canonical({"a": object()})


def test_sha256_of_the_empty_text() -> None:
    assert sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256("é") != sha256("e"), "it is of the bytes of UTF-8"
