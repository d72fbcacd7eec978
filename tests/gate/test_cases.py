"""What is still to be done of a method, and what it comes to."""

from __future__ import annotations

import pytest

from ebmbench.contracts.records import Ruler
from ebmbench.gate.cases import MAX_SEEDS, Case, Rules, at_seed
from ebmbench.gate.planning import Planned
from ebmbench.gate.quality import Ended
from ebmbench.gate.verdicts import Measure

ALL = frozenset(Measure)
KL = Ruler("density", "kl", "ratio")


def case(*datasets: str, ruler: Ruler | None = KL, measures: frozenset[Measure] = ALL) -> Case:
    trials = tuple(Planned(f"nce/{name}/0/cpu", "k", name, 0, False, ruler, {}) for name in datasets or ("moons",))
    return Case(trials, Rules(0.005, 0.03, 0.1, measures))


def run(of: Case, base: float, head: float | None) -> None:
    """The next trials of it: all with the same losses, or a head that crashes."""
    names = of.next_run
    last = {name: Ended("crashed", "boom") if head is None else Ended("ok", values={"kl": head}) for name in names}
    of.ended(names, {name: Ended("ok", values={"kl": base}) for name in names}, last)


def test_names_of_other_seeds() -> None:
    assert at_seed("nce/my data/0/cpu-4t", 7) == "nce/my data/7/cpu-4t"


def test_a_few_seeds_first_then_as_many_as_an_interval_needs() -> None:
    found = case()
    assert found.next_run == ["nce/moons/0/cpu", "nce/moons/1/cpu"]
    run(found, 0.1, 0.2)
    assert len(found.next_run) == 11 - 2
    run(found, 0.1, 0.2)
    assert not found.wants(Measure.QUALITY)
    (quality,) = [one for one in found.findings if one.measure is Measure.QUALITY]
    assert (quality.verdict, quality.pairs) == ("regressed", 11)


def test_several_datasets_need_fewer_seeds() -> None:
    found = case("moons", "rings", "cos")
    run(found, 0.1, 0.2)
    assert found.seeds_done == 2
    assert len(found.next_run) == 6
    assert found.next_run[0] == "nce/moons/2/cpu"


def test_identical_numbers_end_it_at_the_first_look() -> None:
    found = case()
    run(found, 0.1, 0.1)
    assert not found.wants(Measure.QUALITY)


def test_a_crash_ends_it_and_is_a_regression() -> None:
    found = case()
    run(found, 0.1, None)
    assert not found.wants(Measure.QUALITY)
    assert [one.verdict for one in found.findings if one.measure is Measure.OUTCOME] == ["regressed"]


def test_seeds_end() -> None:
    """Of what lies on both sides of the limit no number of seeds is enough."""
    found = case()
    while found.wants(Measure.QUALITY):
        names = found.next_run
        heads = {name: 0.12 if int(name.split("/")[2]) % 2 else 0.1 for name in names}
        base, head = (
            {n: Ended("ok", values={"kl": kl}) for n, kl in some.items()} for some in (dict.fromkeys(heads, 0.1), heads)
        )
        found.ended(names, base, head)
    assert found.seeds_done == MAX_SEEDS
    assert [str(one.verdict) for one in found.findings if one.measure is Measure.QUALITY] == ["undecided"]


def test_without_a_loss_it_is_run_once() -> None:
    found = case(ruler=None)
    assert found.wants(Measure.QUALITY)
    run(found, 0.1, 0.3)
    assert not found.wants(Measure.QUALITY)
    assert [one.measure for one in found.findings] == [Measure.TIME]


def test_time_goes_through_the_datasets() -> None:
    found = case("moons", "rings")
    names = []
    for _ in range(4):
        names.append(found.next_timed.dataset)
        found.ratios.append(0.0)
    assert names == ["moons", "rings"] * 2


def test_what_is_not_wanted_or_cannot_be_is_left() -> None:
    found = case(measures=frozenset({Measure.QUALITY}))
    assert not found.wants(Measure.TIME)
    other = case()
    assert other.wants(Measure.TIME)
    other.obstacles[Measure.TIME] = "its steps cannot be timed"
    assert not other.wants(Measure.TIME)
    assert Measure.TIME not in {one.measure for one in other.findings}


@pytest.mark.parametrize("where", [0, 1])
def test_a_counter_that_differs_anywhere_is_found(where: int) -> None:
    found = case("moons", "rings")
    for index, name in enumerate(("moons", "rings")):
        found.counts[name] = {"steps": 5.0, "flops": 8.0}, {"steps": 5.0, "flops": 8.0 + (index == where)}
    assert {one.name: str(one.verdict) for one in found.work} == {"steps": "same", "flops": "regressed"}
