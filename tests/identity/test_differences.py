"""Two identities in words: exact sentences, and none if and only if the keys are equal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebmbench.identity.canonical import canonical
from ebmbench.identity.differences import differences

CODE = {
    "modules": [["ebmbench.parts.nets", "aa"], ["ebmbench_plugins.c2_chosen_points.nce", "bb"], ["file", "cc"]],
    "versions": [["numpy", "2.0"], ["torch", "2.12.0"]],
}
IDENTITY: dict[str, Any] = {
    "schema": 1,
    "method": {"target": "a.b:NCE", "params": {"noise_ratio": 4, "lr": 0.002}, "kind": "normalized"},
    "dataset": {"target": "c.d:Rings", "params": {"sigma": 0.05}},
    "data": {"train": "stream", "set": 200},
    "net": {"width": 128, "scales": [1.0, 2.0]},
    "budget": {"passes": 2000000},
    "seed": 0,
    "device": {"device": "cpu", "threads": 1},
    "code": CODE,
}


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same nested value with another thing in one place; None takes the place away."""
    if not path:
        return new
    if isinstance(value, list):
        return [replaced(item, path[1:], new) if index == path[0] else item for index, item in enumerate(value)]
    changed = {**value, path[0]: replaced(value.get(path[0]), path[1:], new)}
    return {key: item for key, item in changed.items() if item is not None}


SENTENCES: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "code": (("code", "modules", 0, 1), "zz", "code      ebmbench.parts.nets changed"),
    "version that is a number": (("code", "versions", 0, 1), "2.1", "version   numpy 2.0, now 2.1"),
    "version": (("code", "versions", 1, 1), "2.13.0", "version   torch 2.12.0, now 2.13.0"),
    "parameter": (("method", "params", "noise_ratio"), 8, "method    noise_ratio 4, now 8"),
    "new parameter": (("method", "params", "decay"), 0.5, "method    decay is new: 0.5"),
    "lost parameter": (("method", "params", "lr"), None, "method    lr 0.002, now gone"),
    "class": (("method", "target"), "a.b:Other", "method    target a.b:NCE, now a.b:Other"),
    "kind": (("method", "kind"), "density", "kind      normalized, now density"),
    "dataset": (("dataset", "params", "sigma"), 0.08, "dataset   sigma 0.05, now 0.08"),
    "training set": (("data", "train"), 1000, "data      train stream, now 1000"),
    "net": (("net", "scales"), [1.0, 4.0], "net       scales [1.0,2.0], now [1.0,4.0]"),
    "budget": (("budget", "passes"), 8000000, "budget    passes 2000000, now 8000000"),
    "seed": (("seed",), 1, "seed      0, now 1"),
    "device": (("device", "device"), "cuda", "device    device cpu, now cuda"),
    "schema": (("schema",), 2, "schema    1, now 2"),
    "another type": (("method", "params", "noise_ratio"), "4", 'method    noise_ratio 4, now "4"'),
    "a float": (("seed",), 0.0, "seed      0, now 0.0"),
    "a part that is new": (("weather",), "fine", "weather   is new: fine"),
    "a part that is gone": (("net",), None, 'net       {"scales":[1.0,2.0],"width":128}, now gone'),
    "order alone": (("code", "versions"), CODE["versions"][::-1], "code      is written in another way"),
}


@pytest.mark.parametrize("change", SENTENCES)
def test_one_change_is_one_sentence(change: str) -> None:
    path, new, sentence = SENTENCES[change]
    assert differences(IDENTITY, replaced(IDENTITY, path, new)) == [sentence]


def test_modules_and_versions_come_and_go() -> None:
    now = {
        "modules": [CODE["modules"][0], ["ebmbench_plugins.c2_chosen_points.flips", "dd"], CODE["modules"][2]],
        "versions": [["scipy", "1.15"], ["torch", "2.12.0"]],
    }
    assert differences(IDENTITY, {**IDENTITY, "code": now}) == [
        "code      ebmbench_plugins.c2_chosen_points.flips is new in what it uses",
        "code      ebmbench_plugins.c2_chosen_points.nce is no longer used",
        "version   numpy is no longer used",
        "version   scipy is new in what it uses",
    ]


def test_all_changes_are_told_in_the_order_of_the_identity() -> None:
    now = IDENTITY
    for path, new, _ in (SENTENCES[name] for name in ("seed", "net", "version", "parameter")):
        now = replaced(now, path, new)
    assert [line.split()[0] for line in differences(IDENTITY, now)] == ["method", "net", "seed", "version"]
    assert differences(IDENTITY, IDENTITY) == []


def test_a_long_value_is_cut() -> None:
    (line,) = differences({"seed": "x" * 500}, {"seed": "x" * 500 + "y"})
    assert line == f"seed      {'x' * 57}..., now {'x' * 57}..."


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError):
        differences({"seed": 0}, {"seed": float("nan")})


scalar = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 0.5]), st.text(max_size=2))
name = st.sampled_from(["params", "kind", "target", "modules", "versions", "a", "code", ""])
json = st.recursive(
    scalar, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(name, inner, max_size=3)), max_leaves=8
)
pairs = st.lists(st.lists(st.sampled_from(["a", "b", "1", ""]), min_size=2, max_size=2), max_size=3)
code = st.fixed_dictionaries({}, optional={"modules": st.one_of(pairs, json), "versions": pairs, "other": scalar})
identity = st.fixed_dictionaries(
    {}, optional={"method": json, "seed": scalar, "net": json, "code": st.one_of(code, json), "": scalar}
)


@pytest.mark.long
@settings(max_examples=1000, deadline=None, derandomize=True)
@given(identity, identity)
def test_there_is_no_difference_if_and_only_if_the_keys_are_equal(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert (differences(old, new) == []) == (canonical(old) == canonical(new))
    assert differences(old, old) == []


leaf = st.sampled_from([path for path, _, _ in SENTENCES.values()])


@pytest.mark.long
@settings(max_examples=300, deadline=None, derandomize=True)
@given(leaf, json)
def test_nor_where_a_whole_identity_is_changed_in_one_place(path: tuple[Any, ...], new: Any) -> None:
    now = replaced(IDENTITY, path, new)
    told = differences(IDENTITY, now)
    assert (told == []) == (canonical(now) == canonical(IDENTITY))
    assert all(line == line.rstrip() and line[9] == " " for line in told)
