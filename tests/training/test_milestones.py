"""When a surface is kept on its way, and that what is kept is what it was then."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Surface
from ebmbench.parts.energies import EnergySurface
from ebmbench.store.folders import MILESTONES, TrialFolder
from ebmbench.suite.schema import Budget
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.loop import Progress
from ebmbench.training.milestones import ELEMENT_FLOPS, MAX_SHARE, OCTAVES, Milestones, marks
from ebmbench.training.worker import JUDGED
from tests.factories import make_problem
from tests.planned import Bomb

HALVES = [2.0 ** (-k / 2) for k in range(12, 0, -1)]
WHOLES = [2.0**-k for k in range(6, 0, -1)]

# --- when ------------------------------------------------------------------------------------------------------------


class Line(Surface):
    """F(y) = w . y: four operations of a product a row, and two numbers, the product and its sum."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 1))

    def forward(self, y: Tensor) -> Tensor:
        return (y @ self.w).sum(-1)


LINE = 4 + 2 * ELEMENT_FLOPS
"""What a row costs, in operations."""
BATCH = Batch(torch.zeros(16, 2))


def marks_of(budget: Budget, rows: int = 1000, unit: int = LINE) -> list[float]:
    return list(marks(Line(), BATCH, rows, budget, unit, 256))


def test_a_cheap_energy_is_kept_at_half_octaves_of_the_budget_and_a_dear_one_at_octaves() -> None:
    """Dear is what would take more than a quarter of the budget's work to be measured twelve times."""
    enough = math.ceil(12 * 1000 / MAX_SHARE)
    assert marks_of(Budget(passes=enough)) == HALVES
    assert marks_of(Budget(passes=enough - 1)) == WHOLES
    assert 2 * OCTAVES == 12


def test_the_work_of_a_budget_in_steps_is_at_least_a_pass_for_each_of_their_rows() -> None:
    enough = math.ceil(12 * 1000 / MAX_SHARE / 256)
    assert marks_of(Budget(steps=enough)) == HALVES
    assert marks_of(Budget(steps=enough - 1)) == WHOLES


def test_what_is_measured_and_what_a_pass_is_decide_too() -> None:
    budget = Budget(passes=math.ceil(12 * 1000 / MAX_SHARE))
    assert marks_of(budget, rows=1001) == WHOLES
    assert marks_of(budget, rows=2000, unit=2 * LINE) == HALVES


def test_the_shared_net_on_the_lattice_is_cheap_for_the_main_suite_and_dear_for_a_small_one() -> None:
    """200 x 200 points, a pass and some hundred numbers each: twelve times that is some 10^6 passes."""
    surface, unit = EnergySurface(make_problem(square(4)).energy_net()), pass_flops(square(4), NetConfig())
    batch = Batch(torch.zeros(JUDGED, 2))
    for passes, expected in ((6_000_000, HALVES), (500_000, WHOLES)):
        assert list(marks(surface, batch, 200**2, Budget(passes=passes), unit, 256)) == expected


class GivenX(Surface):
    """F(y | x) = w . (y - x): two more numbers a row than without the context."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()

    def forward(self, y: Tensor) -> Tensor:
        return self.line(y - self.context_of(len(y)))


def test_a_conditional_energy_is_asked_with_its_context() -> None:
    enough = math.ceil(12 * 1000 / MAX_SHARE)
    batch, unit = Batch(BATCH.y, BATCH.y), LINE + 2 * ELEMENT_FLOPS
    for passes, expected in ((enough, HALVES), (enough - 1, WHOLES)):
        assert list(marks(GivenX(), batch, 1000, Budget(passes=passes), unit, 256)) == expected


# --- what ------------------------------------------------------------------------------------------------------------


def progress(steps: int, passes: float, surface: Surface) -> Progress:
    found = Progress(Meter(LINE, surface), steps)
    found.meter.total.passes = passes
    return found


def kept(folder: TrialFolder, places: tuple[int, ...] = (1, 5, 20)) -> Line:
    """A line whose weights are the step, kept at these steps."""
    surface, milestones = Line(), Milestones(folder)
    for step in places:
        nn.init.constant_(surface.w, step)
        milestones.keep(surface, progress(step, 2.5 * step, surface), step / 10)
    nn.init.constant_(surface.w, 1e9)
    return surface


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    return TrialFolder(tmp_path)


def test_a_surface_is_kept_as_it_stood_with_its_place(folder: TrialFolder) -> None:
    """Training goes on in the same tensors: what was kept does not follow it."""
    kept(folder)
    found = Milestones(folder).load()
    assert [(m.step, m.passes, m.seconds) for m in found] == [(1, 2.5, 0.1), (5, 12.5, 0.5), (20, 50.0, 2.0)]
    for milestone in found:
        again = Line()
        again.load_state_dict(milestone.state)
        assert torch.equal(again.w, torch.full((2, 1), float(milestone.step)))


def test_a_training_that_goes_on_from_a_snapshot_keeps_the_milestones_before_it(folder: TrialFolder) -> None:
    """Those after it are passed again, and stand there once."""
    surface = kept(folder)
    milestones = Milestones(folder)
    assert [m.step for m in milestones.load(until=5)] == [1, 5]
    milestones.keep(surface, progress(20, 50.0, surface), 2.0)
    assert [m.step for m in Milestones(folder).load()] == [1, 5, 20]


def test_what_is_dropped_is_gone(folder: TrialFolder) -> None:
    Milestones(folder).drop()
    kept(folder)
    Milestones(folder).drop()
    assert Milestones(folder).load() == []
    assert not folder.file(MILESTONES).exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half of it": cut,
    "another file": lambda content: b"milestones",
    "a pickle": lambda content: pickle.dumps([{"step": 1}], protocol=2),
    "a hostile pickle": lambda content: pickle.dumps(Bomb(), protocol=2),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_file_that_is_not_what_was_written_holds_nothing(
    name: str, folder: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    kept(folder)
    path = folder.file(MILESTONES)
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    assert Milestones(folder).load() == []
    assert not Path("exploded").exists()


@pytest.mark.parametrize("stored", [[{"step": 1}], [Bomb()], {"step": 1}, 3, [3], [{"step": 1, "passes": 1, "x": 2}]])
def test_what_torch_reads_but_is_no_milestone_is_left_out(
    stored: object, folder: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    torch.save(stored, folder.file(MILESTONES))
    assert Milestones(folder).load() == []
    assert not Path("exploded").exists()
