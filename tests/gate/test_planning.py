"""What a change touches."""

from __future__ import annotations

from typing import Any

from ebmbench.gate.planning import Planned, Scope

KL = [{"title": "density", "metric": "kl", "scale": "ratio"}]


def plan(**keys: str) -> dict[str, Planned]:
    """Methods and the keys of their only trials."""
    return Planned.of({"trials": {f"{method}/moons/0/cpu": said(key) for method, key in keys.items()}})


def said(key: str, **more: Any) -> dict[str, Any]:
    metrics = {"kl": "k1", "auroc": "a1"}
    return {"key": key, "dataset": "moons", "seed": 0, "reference": False, "rulers": KL, "metrics": metrics, **more}


def test_what_has_the_same_key_is_not_touched() -> None:
    scope = Scope.of(plan(nce="1", gmm="2", old="3"), plan(fresh="9", gmm="2", nce="4"))
    assert scope == Scope(("nce",), ("gmm",), ("fresh",), ("old",))


def test_everything_is_touched_if_that_is_wanted() -> None:
    same = plan(nce="1", gmm="2")
    assert Scope.of(same, same).touched == ()
    assert Scope.of(same, same, everything=True).touched == ("nce", "gmm")


def test_a_reference_row_is_nobodys() -> None:
    base, head = ({"trials": {"oracle/moons/0/cpu": said(key, reference=True)}} for key in "12")
    assert Scope.of(Planned.of(base), Planned.of(head)) == Scope((), (), (), ())


def test_a_metric_that_rules_touches_and_another_does_not() -> None:
    base = Planned.of({"trials": {"nce/moons/0/cpu": said("1")}})
    other = Planned.of({"trials": {"nce/moons/0/cpu": said("1", metrics={"kl": "k1", "auroc": "a2"})}})
    ruling = Planned.of({"trials": {"nce/moons/0/cpu": said("1", metrics={"kl": "k2", "auroc": "a1"})}})
    assert Scope.of(base, other).untouched == ("nce",)
    assert Scope.of(base, ruling).touched == ("nce",)


def test_a_dataset_more_touches() -> None:
    base = Planned.of({"trials": {"nce/moons/0/cpu": said("1")}})
    head = Planned.of({"trials": {"nce/moons/0/cpu": said("1"), "nce/rings/0/cpu": said("2")}})
    assert Scope.of(base, head).touched == ("nce",)
