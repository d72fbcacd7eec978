"""How often a gate is wrong, and how often it finds what is there: by simulation from recorded noise, and in earnest.

    python -m tests.perf.gate_study times noise.jsonl     # log ratios of pairs of equal code, on this machine
    python -m tests.perf.gate_study losses noise.jsonl    # log losses by seed
    python -m tests.perf.gate_study paired noise.jsonl    # log ratios of losses at the same seeds, of planted changes
    python -m tests.perf.gate_study real gates.jsonl      # gates of planted changes, in clones of the last commit
    python -m tests.perf.gate_study real gates.jsonl --load      # the same while another process multiplies matrices
    python -m tests.perf.gate_study table noise.jsonl gates.jsonl    # a thousand simulated gates of each kind, and all

The changes are planted in `nce`: its step takes 5 % longer; its KL is 1.2 times as large; it draws other random
numbers; it takes one more gradient. Gates that are in their file already are not done again. Each says how much
else the machine did meanwhile, in cores.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median

import psutil

from ebmbench.gate.cases import MAX_SEEDS, QUALITY, TIME
from ebmbench.gate.gate import FALSE_ALARMS
from ebmbench.gate.quality import Ended
from ebmbench.gate.sides import Side, Work
from ebmbench.gate.timing import pairs
from ebmbench.gate.trees import head_tree, tree_of
from ebmbench.gate.verdicts import Measure, Verdict, judged
from ebmbench.suite.loading import read_suite
from ebmbench.suite.tree import plain

GATES = 1000
MINUTES = 10
INTERVALS = 2
"""Of a gate of a change that touches one method: its time and its quality."""
PLACE = Path("plugins/ebmbench_plugins/c2_chosen_points/nce.py")
LOSS = "        noise = surface.noise.sample"
PASSES = 1_000_000
"""The budget of quality's trials: with that of smoke a surface has hardly begun to learn."""
SLOWER = """\
        import time

        begun = time.process_time()
        since = min(begun - globals().get("_ended", begun), 1.0)
        while time.process_time() < begun + 0.05 * since:
            pass
        globals()["_ended"] = time.process_time()
"""
WORSE = """\
        from dataclasses import replace

        batch = replace(batch, y=batch.y * {scale})
"""
OTHER = """\
        torch.rand({number}, generator=rng)
"""
GRADIENT = """\
        torch.autograd.grad(surface.log_ratio(batch.y).sum(), list(surface.parameters()), allow_unused=True)
"""


@dataclass(frozen=True)
class Plant:
    """A change of one method.

    Attributes:
        lines: put before its loss; where they hang on the number of the gate, no two gates share a trial of head.
        gates: how many are asked for.
        passes: the suite's budget, if not its own.
    """

    lines: Callable[[int], str]
    gates: int
    passes: int | None = None


PLANTS = {
    "equal code": Plant(lambda number: "", 12),
    "5 % slower": Plant(lambda number: SLOWER, 8),
    "KL x 1.2": Plant(lambda number: WORSE.format(scale=1.0104 + 1e-5 * number), 8, PASSES),
    "other random numbers": Plant(lambda number: OTHER.format(number=number + 1), 8, PASSES),
    "one more gradient": Plant(lambda number: GRADIENT, 4),
}


PAIRED = ("KL x 1.2", "other random numbers")
"""Of which the losses are recorded at the same seeds with and without."""


@dataclass(frozen=True)
class Noise:
    """One recorded number.

    Attributes:
        measure: ``time``, the log ratio of a pair of equal code; ``quality``, the log loss at a seed; or the name of a
            planted change, the log ratio of the losses with it and without it at a seed.
    """

    measure: str
    method: str
    value: float
    seconds: float


def _work(keyword: str | None, results: Path, passes: int | None = None) -> Work:
    _, source = read_suite("smoke")
    suite = dict(plain(source.tree))
    if passes is not None:
        suite["budget"] = {"passes": passes}
    results.mkdir(parents=True, exist_ok=True)
    return Work(suite, Path("suites"), results, keyword)


def times(file: Path, number: int, keyword: str | None, results: Path) -> None:
    """Pairs of equal code."""
    head, work, log = head_tree(Path()), _work(keyword, results), results / "log.txt"
    with tree_of(head, "HEAD", results / "gate", "base", "--base") as base, file.open("a", encoding="utf-8") as out:
        with Side(head, log) as side:
            side.open(work, [0])
            names = [name for name, said in side.ask("plan")["trials"].items() if not said["reference"]]
        for _ in range(number):
            begun = time.monotonic()
            for pair in pairs(base, head, work, names, 0, log):
                noise = Noise(Measure.TIME, pair.trial.partition("/")[0], pair.ratio, time.monotonic() - begun)
                out.write(json.dumps(asdict(noise)) + "\n")
                out.flush()
                begun = time.monotonic()


def losses(file: Path, number: int, keyword: str | None, results: Path) -> None:
    """The log KL of each method at so many seeds."""
    head, work = head_tree(Path()), _work(keyword, results, PASSES)
    with Side(head, results / "log.txt") as side, file.open("a", encoding="utf-8") as out:
        side.open(work, list(range(number)))
        names = [name for name, said in side.ask("plan")["trials"].items() if not said["reference"]]
        for name, ended in Ended.of(side.ask("run", 86_400, trials=names, workers=2)).items():
            kl = ended.values.get("kl", math.nan)
            if kl > 0:
                out.write(json.dumps(asdict(Noise(Measure.QUALITY, name.partition("/")[0], math.log(kl), 0.0))) + "\n")


def paired(file: Path, number: int, results: Path) -> None:
    """The log ratio of `nce`'s losses with a planted change and without it, at the same seeds."""
    base = _losses_with("", number, results)
    with file.open("a", encoding="utf-8") as out:
        for title in PAIRED:
            head = _losses_with(PLANTS[title].lines(0), number, results)
            for before, after in zip(base, head, strict=True):
                out.write(json.dumps(asdict(Noise(title, "nce", after - before, 0.0))) + "\n")


def _losses_with(lines: str, number: int, results: Path) -> list[float]:
    """The log losses of `nce` in a clone with these lines before its loss."""
    with tempfile.TemporaryDirectory() as folder:
        clone, out = _clone(Path(folder), lines), Path(folder) / "losses.jsonl"
        command = [sys.executable, "-m", "tests.perf.gate_study", "losses", str(out), "-n", str(number), "-k", "nce"]
        environment = _environment(clone)
        subprocess.run([*command, "--results", str(results.resolve())], cwd=clone, env=environment, check=True)
        return [json.loads(line)["value"] for line in out.read_text().splitlines()]


def _clone(folder: Path, lines: str) -> Path:
    """The last commit, with these lines before the loss of `nce`."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", ".", str(clone)], check=True)
    text = (clone / PLACE).read_text()
    (clone / PLACE).write_text(text.replace(LOSS, lines + LOSS))
    return clone


def _environment(clone: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{clone}:{clone / 'plugins'}", "HOME": str(clone.parent)}


def simulate(noise: Sequence[Noise]) -> Iterator[str]:
    """A thousand gates of each kind: a line of a table each."""
    chance = random.Random(0)
    recorded: dict[tuple[str, str], list[Noise]] = {}
    for one in noise:
        recorded.setdefault((one.measure, one.method), []).append(one)
    pairs_ = [found for (measure, _), found in recorded.items() if measure == Measure.TIME]
    taken = [mean(one.seconds for one in found) for found in pairs_]
    seeds = [found for (measure, _), found in recorded.items() if measure == Measure.QUALITY]
    alone = partial(_timed, seconds=taken[0] if taken else 0.0)  # only the first of a round waits for its processes
    for title, among, gate, change in (
        ("time of one method, equal code", pairs_, alone, 0.0),
        ("time of one method, 5 % slower", pairs_, alone, math.log(1.05)),
        ("quality of one method, equal distribution, both sides on other data", seeds, _ran, 0.0),
        ("quality of one method, KL x 1.2, both sides on other data", seeds, _ran, math.log(1.2)),
    ):
        if among:
            one_gate = partial(gate, change=change, alpha=FALSE_ALARMS / INTERVALS, chance=chance)
            yield _line(title, [one_gate(chance.choice(among)) for _ in range(GATES)])
    for title, plant, change in (
        ("KL x 1.2", "KL x 1.2", 0.0),
        ("other random numbers", "other random numbers", 0.0),
        ("other random numbers and KL x 1.2", "other random numbers", math.log(1.2)),
    ):
        ratios = recorded.get((plant, "nce"))
        if ratios:
            gates = [_same_seeds(ratios, change, FALSE_ALARMS / INTERVALS, chance) for _ in range(GATES)]
            yield _line(f"quality of one method, {title}", gates)
    if pairs_:
        alpha = FALSE_ALARMS / INTERVALS / len(pairs_)
        yield _line(
            f"time of {len(pairs_)} methods at once, equal code",
            [_worst([_timed(found, 0.0, alpha, chance, sum(taken)) for found in pairs_]) for _ in range(GATES)],
        )


def _line(title: str, gates: Sequence[tuple[Verdict, int]]) -> str:
    said = Counter(str(verdict) for verdict, _ in gates)
    numbers = sorted(number for _, number in gates)
    order = (Verdict.SAME, Verdict.REGRESSED, Verdict.BETTER, Verdict.UNDECIDED)
    cells = [f"{said[str(verdict)] / len(gates):.1%}" for verdict in order]
    return f"| {title} | {' | '.join(cells)} | {numbers[len(numbers) // 2]} |"


def _worst(verdicts: Sequence[tuple[Verdict, int]]) -> tuple[Verdict, int]:
    """Of all methods of a gate: a false alarm of any kind is one."""
    order = (Verdict.REGRESSED, Verdict.BETTER, Verdict.UNDECIDED, Verdict.SAME)
    return min((verdict for verdict, _ in verdicts), key=order.index), max(number for _, number in verdicts)


def _timed(
    noise: Sequence[Noise], change: float, alpha: float, chance: random.Random, seconds: float
) -> tuple[Verdict, int]:
    """Pairs of a method until it is decided or the minutes are over; a round of all methods takes so many seconds."""
    found: list[float] = []
    for number in range(1, math.ceil(60 * MINUTES / seconds) + 1):
        found.append(chance.choice(noise).value + change)
        verdict = judged("", Measure.TIME, "", found, math.log1p(TIME), alpha).verdict
        if verdict is not Verdict.UNDECIDED:
            return verdict, number
    return Verdict.UNDECIDED, len(found)


def _ran(losses: Sequence[Noise], change: float, alpha: float, chance: random.Random) -> tuple[Verdict, int]:
    """Seeds of a method, of which the two sides share nothing: harder than any change, which leaves the data alone."""
    found: list[float] = []
    for number in range(1, MAX_SEEDS + 1):
        found.append(chance.choice(losses).value - chance.choice(losses).value + change)
        verdict = judged("", Measure.QUALITY, "", found, math.log1p(QUALITY), alpha).verdict
        if verdict is not Verdict.UNDECIDED:
            return verdict, number
    return Verdict.UNDECIDED, MAX_SEEDS


def _same_seeds(ratios: Sequence[Noise], change: float, alpha: float, chance: random.Random) -> tuple[Verdict, int]:
    """Seeds of a method on both sides, as a gate runs them."""
    found: list[float] = []
    for number in range(1, MAX_SEEDS + 1):
        found.append(chance.choice(ratios).value + change)
        verdict = judged("", Measure.QUALITY, "", found, math.log1p(QUALITY), alpha).verdict
        if verdict is not Verdict.UNDECIDED:
            return verdict, number
    return Verdict.UNDECIDED, MAX_SEEDS


LOAD = "import torch; torch.set_num_threads(1); a = torch.randn(800, 800)\nwhile True: a @ a"


@contextmanager
def loaded(wanted: bool) -> Iterator[None]:
    """Beside another process that computes all the time, if that is wanted."""
    other = subprocess.Popen([sys.executable, "-c", LOAD]) if wanted else None
    try:
        yield
    finally:
        if other is not None:
            other.kill()
            other.wait()


@dataclass(frozen=True)
class Gated:
    """What one gate said, a verdict and a number of pairs by measure, and its seconds.

    Attributes:
        load: whether another process was made to compute meanwhile.
        others: cores that were at work for something else, on average.
    """

    plant: str
    number: int
    verdicts: dict[str, str]
    changes: dict[str, float | None]
    pairs: dict[str, int]
    seconds: float
    load: bool
    others: float


def real(file: Path, keyword: str | None, results: Path, load: bool) -> None:
    """The gates that are not yet in the file, one of each plant in turn."""
    known = {(one.plant, one.number) for one in _gated(file) if one.load == load}
    chosen = {title: plant for title, plant in PLANTS.items() if keyword is None or keyword in title}
    for number in range(max(plant.gates for plant in chosen.values())):
        for title, plant in chosen.items():
            if number < plant.gates and (title, number) not in known:
                with loaded(load):
                    gated = _planted(title, plant, number, results, load)
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(asdict(gated)) + "\n")


def _gated(file: Path) -> list[Gated]:
    return [Gated(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def _busy() -> tuple[float, float]:
    """Seconds of the processor so far: all of the machine, and what this process has waited for."""
    machine, ours = psutil.cpu_times(), os.times()
    return machine.user + machine.nice + machine.system, ours.children_user + ours.children_system


def _planted(title: str, plant: Plant, number: int, results: Path, load: bool) -> Gated:
    with tempfile.TemporaryDirectory() as folder:
        clone = _clone(Path(folder), plant.lines(number))
        command = [str(Path(sys.executable).with_name("ebmbench")), "gate", "--json", "-k", "nce", "--all"]
        if plant.passes is not None:
            command += ["--set", f"budget.passes={plant.passes}"]
        before = _busy()
        done = subprocess.run(
            [*command, "--results", str(results.resolve())],
            cwd=clone,
            env=_environment(clone),
            capture_output=True,
            text=True,
            check=False,
        )
    if not done.stdout:
        raise SystemExit(done.stderr)
    machine, ours = (after - then for after, then in zip(_busy(), before, strict=True))
    said = json.loads(done.stdout)
    found = {f"{one['measure']} {one['name']}": one for one in said["findings"]}
    return Gated(
        title,
        number,
        {name: one["verdict"] for name, one in found.items()},
        {name: one["change"] for name, one in found.items()},
        {name: one["pairs"] for name, one in found.items() if not name.startswith("work")},
        said["seconds"],
        load,
        max(0.0, machine - ours) / said["seconds"],
    )


def tabled(gates: Sequence[Gated]) -> Iterator[str]:
    """A line for each plant, with and without a second load: its verdicts by measure, and its seconds."""
    for title, load in sorted({(one.plant, one.load) for one in gates}, key=lambda of: (of[1], [*PLANTS].index(of[0]))):
        some = [one for one in gates if (one.plant, one.load) == (title, load)]
        others = [one.others for one in some]
        cells = [title, f"{'yes' if load else 'no'}, {min(others):.1f} to {max(others):.1f} cores", str(len(some))]
        for measure in ("work", "time", "quality"):
            verdicts = Counter(_of(measure, one) for one in some)
            cells.append(", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()))
        slowest = max(one.seconds for one in some)
        cells += [f"{median(one.seconds for one in some):.0f} s, at most {slowest:.0f} s"]
        yield f"| {' | '.join(cells)} |"


def _of(measure: str, gated: Gated) -> str:
    """The worst verdict of a measure."""
    order = [str(one) for one in (Verdict.REGRESSED, Verdict.UNDECIDED, Verdict.BETTER, Verdict.SAME)]
    said = [verdict for name, verdict in gated.verdicts.items() if name.startswith(measure)]
    return min(said, key=order.index) if said else "none"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["times", "losses", "paired", "real", "table"])
    parser.add_argument("file", type=Path)
    parser.add_argument("gates", nargs="?", type=Path, help="of a table")
    parser.add_argument("-n", type=int, default=40, help="pairs or seeds")
    parser.add_argument("-k", help="only trials whose name matches; of real gates, only the changes so called")
    parser.add_argument("--load", action="store_true", help="of real gates: beside another process")
    parser.add_argument("--results", type=Path, default=Path("results") / "gate-study")
    given = parser.parse_args()
    if given.what == "times":
        times(given.file, given.n, given.k, given.results)
    elif given.what == "losses":
        losses(given.file, given.n, given.k, given.results)
    elif given.what == "paired":
        paired(given.file, given.n, given.results)
    elif given.what == "real":
        real(given.file, given.k, given.results, given.load)
    else:
        noise = [Noise(**json.loads(line)) for line in given.file.read_text().splitlines()]
        print(
            "| a thousand simulated gates | same | regressed | better | undecided | pairs |\n|---|---|---|---|---|---|"
        )
        for line in simulate(noise):
            print(line)
        if given.gates is not None:
            print("\n| planted in `nce` | second load | gates | work | time | quality | seconds |")
            print("|---|---|---|---|---|---|---|")
            for line in tabled(_gated(given.gates)):
                print(line)


if __name__ == "__main__":
    main()
