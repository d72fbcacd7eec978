"""Judgements as a gate finds them, made up: one finding of each verdict and measure, none at all, hostile names."""

from __future__ import annotations

import math
from dataclasses import replace

from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict, compared

EVIL = "\x1b]0;t\x07[bold]|`<b>\n@you&\ud800$x$~~y~~"
"""A name that drives a terminal, is markup of any kind, ends a cell or a code, calls somebody, breaks encodings."""

LONGER = Finding("nce", Measure.TIME, "step", Verdict.REGRESSED, 1.052, 1.031, 1.07, 1.03, 14)
"""A step takes longer."""
NARROW = Finding("nce", Measure.QUALITY, "kl", Verdict.SAME, 0.998, 0.96, 1.0004, 1.1, 12)
"""The same, within its tolerance."""
LOWER = Finding("dsm", Measure.QUALITY, "kl", Verdict.BETTER, 0.8, 0.7, 0.89, 1.1, 9)
"""A loss that has become less."""
OPEN = Finding("dsm", Measure.TIME, "step", Verdict.UNDECIDED, 1.021, 0.995, 1.05, 1.03, 7, more=9)
"""An interval that is too wide still."""
FEW = Finding("pcd", Measure.TIME, "step", Verdict.UNDECIDED, 0.97, 0.0, math.inf, 1.03, 3, more=6)
"""Too few pairs for an interval."""
NONE = Finding("pcd", Measure.QUALITY, "kl", Verdict.UNDECIDED, limit=1.1, why="every trial of the base failed")
"""Not one pair, and no end of it."""
CRASHED = Finding(
    "gan", Measure.OUTCOME, "failed", Verdict.REGRESSED, base=0, head=2, why="Boom: loss is nan, in head alone"
)
"""Trials that fail in head alone."""

FULL = Judgement(
    suite="toy2d",
    base="main (4177ab9)",
    head="4c8a8b9 with changes",
    machine="2 cores, Linux",
    findings=(
        compared("nce", "energy_rows", 2560, 2560),
        compared("nce", "gradient_rows", 2560, 5120),
        compared("nce", "aten", 812, 812),
        LONGER,
        NARROW,
        compared("dsm", "peak_bytes", 4096, 2048),
        LOWER,
        OPEN,
        compared("pcd", "aten", 0, 3),
        FEW,
        NONE,
        CRASHED,
    ),
    untouched=("cd_k", "gmm"),
    notes=("The tree has changes that are not committed.",),
    commands=("ebmbench compare a b", "ebmbench report toy2d"),
    seconds=200.4,
)
"""One finding of each verdict and measure, and more."""

EMPTY = Judgement("toy2d", "main (4177ab9)", "4c8a8b9", "", ())
"""Nothing at all."""
UNTOUCHED = replace(EMPTY, untouched=tuple(f"m{k}" for k in range(9)))
"""A change that touches no method."""
HOSTILE = Judgement(
    EVIL,
    EVIL,
    EVIL,
    EVIL,
    (replace(LONGER, method=EVIL, name=EVIL, why=EVIL), compared(EVIL, EVIL, 1, 2), replace(CRASHED, method="")),
    (EVIL,),
    (EVIL,),
    (EVIL,),
)
"""Every text in it is hostile."""
