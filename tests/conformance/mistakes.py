"""A right plugin of each kind, and what people get wrong: each mistake is a few words of the right one replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

METHOD = '''
"""Noise contrast, in a file of one's own."""

import math
import os

import torch
from pydantic import Field
from torch import nn
from torch.nn.functional import softplus

from ebmbench.api import EnergyKind, GradientMethod, Method, MethodSpec, Strategy, Surface, hookimpl

SEEN = []


class MineSurface(Surface):
    """log Z + F(y): log Z is learned."""

    def __init__(self, net, noise):
        super().__init__()
        self.net, self.noise = net, noise
        self.log_z = nn.Parameter(torch.zeros(()))

    def forward(self, y):
        return self.net(y) + self.log_z


class Mine(GradientMethod):
    """Tell data from noise (Gutmann & Hyvarinen 2010, eq. 3)."""

    ratio: int = Field(4, ge=1, description="noise samples per data point")

    def build(self, problem):
        return MineSurface(problem.energy_net(), problem.gaussian(1.1))

    def loss(self, surface, batch, rng):
        y = batch.y
        noise = surface.noise.sample(self.ratio * len(y), rng)
        real, false = self.logit(surface, y), self.logit(surface, noise)
        return softplus(-real).mean() + self.ratio * softplus(false).mean()

    def logit(self, surface, y):
        return -surface(y) - surface.noise.log_prob(y) - math.log(self.ratio)


@hookimpl
def ebmbench_methods():
    yield MethodSpec(
        "mine", Mine, strategy=Strategy.C2, kind=EnergyKind.NORMALIZED, summary="noise contrast", refs=("my paper",)
    )
'''

DATASET = '''
"""Normal data, in a file of one's own."""

import math

import torch
from pydantic import Field

from ebmbench.api import Batch, Box, Dataset, DatasetSpec, hookimpl


class Blob(Dataset):
    """A normal about the origin."""

    sigma: float = Field(0.5, gt=0, description="standard deviation")

    @property
    def domain(self):
        return Box((-4.0, -4.0), (4.0, 4.0))

    def sample(self, n, generator):
        return Batch(self.sigma * torch.randn(n, 2, generator=generator, dtype=torch.float64))

    def log_prob(self, y, x=None):
        return -0.5 * (y / self.sigma).square().sum(-1) - 2 * math.log(self.sigma) - math.log(2 * math.pi)

    def score(self, y, x=None):
        return -y / self.sigma**2

    def smoothed(self, sigma):
        return Blob(sigma=math.hypot(self.sigma, sigma))


@hookimpl
def ebmbench_datasets():
    yield DatasetSpec("blob", Blob, "a normal")
'''

CONDITIONAL = '''
"""A line with noise, in a file of one's own."""

import math

import torch
from pydantic import Field

from ebmbench.api import Batch, Box, Dataset, DatasetSpec, hookimpl


class Line(Dataset):
    """y about a line in x, wider where x is large."""

    slope: float = Field(2.0, description="of the line")

    @property
    def domain(self):
        return Box((-9.0,), (9.0,))

    @property
    def context(self):
        return Box((-1.0,), (1.0,))

    def width(self, x):
        return 0.5 * torch.exp(x)

    def sample_context(self, n, generator):
        return 2 * torch.rand(n, 1, generator=generator, dtype=torch.float64) - 1

    def sample_given(self, x, generator):
        return self.slope * x + self.width(x) * torch.randn(len(x), 1, generator=generator, dtype=torch.float64)

    def log_prob(self, y, x=None):
        u = (y - self.slope * x) / self.width(x)
        return (-0.5 * u.square() - self.width(x).log())[:, 0] - 0.5 * math.log(2 * math.pi)

    def score(self, y, x=None):
        return (self.slope * x - y) / self.width(x) ** 2


@hookimpl
def ebmbench_datasets():
    yield DatasetSpec("line", Line, "a line with noise")
'''

METRIC = '''
"""A metric in a file of one's own."""

import math

import numpy as np

from ebmbench.api import EnergyKind, MetricSpec, NotApplicable, hookimpl


def chi2(context):
    """Chi-square divergence of the data from the model, on the support."""
    if not context.truth.on_support:
        raise NotApplicable("the true density is not known")
    ratio = np.minimum(context.log_p - context.log_q, 20)
    return math.log1p(float((np.exp(context.log_p + context.log_weight) * np.abs(np.expm1(ratio))).sum()))


@hookimpl
def ebmbench_metrics():
    yield MetricSpec(
        "chi2", chi2, "log of one plus the mean of |p / q - 1|", "", "down",
        kinds=frozenset({EnergyKind.NORMALIZED, EnergyKind.DENSITY}), variants=("raw",), best=0.0,
    )
'''

RIGHT = {"method": METHOD, "dataset": DATASET, "metric": METRIC}


@dataclass(frozen=True)
class Mistake:
    """A wrong plugin.

    Attributes:
        title: what is wrong with it.
        kind: of plugin.
        changes: words of the right one, and what stands in their place.
        check: the name of the check that catches it.
        says: a part of what is said.
        right: the text whose words are replaced; empty for that of its kind.
    """

    title: str
    kind: Literal["method", "dataset", "metric"]
    changes: tuple[tuple[str, str], ...]
    check: str
    says: str
    right: str = ""

    @property
    def source(self) -> str:
        """The whole file."""
        text = self.right or RIGHT[self.kind]
        for old, new in self.changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text


def given(title: str, old: str, new: str, check: str, says: str) -> Mistake:
    """Of a dataset of y given x."""
    return Mistake(title, "dataset", ((old, new),), check, says, CONDITIONAL)


def method(title: str, old: str, new: str, check: str, says: str, *more: tuple[str, str]) -> Mistake:
    return Mistake(title, "method", ((old, new), *more), check, says)


FORWARD, LOSS, BUILD = "        return self.net(y) + self.log_z", "        y = batch.y\n", "        return MineSurface("
MISTAKES = (
    method(
        "the sign of the energy is flipped",
        "return self.net(y) +",
        "return -self.net(y) +",
        "sign",
        "the sign",
        (
            "return -surface(y) -",
            "return surface(y) -",
        ),
    ),
    method("the energy has a last axis", FORWARD, FORWARD.replace("+ self", "[:, None] + self"), "form", "squeeze"),
    method(
        "the energy is detached",
        FORWARD,
        FORWARD.replace("self.net(y)", "self.net(y.detach())"),
        "form",
        "gradient in y",
    ),
    method("the energy depends on the batch", FORWARD, FORWARD + " - self.net(y).mean()", "alone", "batch"),
    method(
        "the energy is noisy",
        FORWARD,
        FORWARD + " + 0.1 * torch.rand(len(y), generator=GEN)",
        "alone",
        "second call",
        (
            "SEEN = []",
            "GEN = torch.Generator()",
        ),
    ),
    method(
        "the energy is a logarithm of what may be nothing",
        FORWARD,
        FORWARD + " + torch.log(5 - y.norm(dim=-1))",
        "finite",
        "logarithm",
    ),
    method("the energy changes its points", FORWARD, "        y += 1e-3\n" + FORWARD, "form", "in place"),
    method("a global seed in a step", LOSS, LOSS + "        torch.manual_seed(0)\n", "process", "global numbers"),
    method(
        "a global seed in build",
        BUILD,
        "        torch.manual_seed(0)\n" + BUILD,
        "process",
        "same surface of every seed",
    ),
    method(
        "global noise", LOSS, LOSS + "        y = y + 0.01 * torch.randn_like(y)\n", "process", "torch's global numbers"
    ),
    method(
        "the default dtype is changed",
        BUILD,
        "        torch.set_default_dtype(torch.float64)\n" + BUILD,
        "process",
        "default dtype",
    ),
    method("threads are changed", LOSS, LOSS + "        torch.set_num_threads(2)\n", "process", "threads"),
    method("the folder is changed", LOSS, LOSS + "        os.chdir('/')\n", "process", "working directory"),
    method("the batch is changed in place", LOSS, LOSS + "        y += 0.01\n", "data", "in place"),
    method(
        "numbers from nowhere",
        LOSS,
        LOSS + "        y = y + 0.01 * torch.rand(y.shape, generator=GEN)\n",
        "seeds",
        "rng",
        (
            "SEEN = []",
            "GEN = torch.Generator()",
        ),
    ),
    method(
        "state in an attribute of the surface",
        LOSS,
        LOSS + "        surface.steps = getattr(surface, 'steps', 0) + 1\n",
        "attributes",
        "surface.steps",
    ),
    method("state in a global of the module", LOSS, LOSS + "        SEEN.append(len(y))\n", "attributes", "SEEN"),
    method(
        "a net in a list",
        "self.net, self.noise = net, noise",
        "self.nets, self.noise = [net], noise",
        "attributes",
        "surface.nets",
        (
            "return self.net(y) +",
            "return self.nets[0](y) +",
        ),
    ),
    method(
        "data in build",
        BUILD,
        BUILD.replace("return ", "surface = ")
        + "problem.energy_net(), problem.gaussian(1.1))\n"
        + "        surface.shift = float(problem.mean[0])\n        return surface\n        return (",
        "blank",
        "build keeps",
        (
            FORWARD,
            FORWARD + " + self.shift * y[:, 0]",
        ),
    ),
    method(
        "a wrong kind",
        "kind=EnergyKind.NORMALIZED",
        "kind=EnergyKind.NORMALIZED",
        "kind",
        "integrate to one",
        (
            FORWARD,
            FORWARD + " + 3.0",
        ),
        ("return -surface(y) -", "return 3.0 - surface(y) -"),
    ),
    method(
        "a scale that means nothing",
        FORWARD,
        FORWARD.replace("return self.net(y)", "return 5 * self.net(y)"),
        "kind",
        "its scale",
        (
            "return -surface(y) -",
            "return -surface(y) / 5 -",
        ),
    ),
    method(
        "a loss of many numbers",
        "softplus(-real).mean() + self.ratio * softplus(false).mean()",
        "softplus(-real)",
        "loss",
        "0-d",
    ),
    method(
        "a loss that is a number",
        "softplus(-real).mean()",
        "softplus(-real).mean().item()",
        "loss",
        ".item()",
        (
            "softplus(false).mean()",
            "softplus(false).mean().item()",
        ),
    ),
    method("no loss", "def loss(self", "def lost(self", "body", "loss(self"),
    method("it writes to itself", LOSS, LOSS + "        self.seen = len(y)\n", "loss", "frozen record"),
    method(
        "a number is read in a step",
        LOSS,
        LOSS + "        if float(y.sum()) > 1e9:\n            y = -y\n",
        "waiting",
        ".item()",
    ),
    method("single precision by hand", LOSS, LOSS + "        y = y @ torch.eye(2)\n", "precision", "single precision"),
    method(
        "work that grows",
        LOSS,
        LOSS + "        surface.taken += 1\n        [y[:128] @ y[:128].T for _ in range(int(surface.taken))]\n",
        "charged",
        "grows",
        ("        self.log_z = nn", "        self.register_buffer('taken', torch.zeros(()))\n        self.log_z = nn"),
    ),
    method(
        "a parameter that is never trained",
        "self.log_z = nn.Parameter(torch.zeros(()))",
        "self.log_z, self.extra = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(3))",
        "learning",
        "extra",
    ),
    method("a parameter without words", ', description="noise samples per data point")', ")", "record", "ratio"),
    method(
        "samples of another shape",
        FORWARD,
        FORWARD + "\n\n    def sample(self, n, generator):\n        return self.noise.sample(n, generator)[:, 0]",
        "samples",
        "(1, 2)",
    ),
    method(
        "samples by their own seed",
        FORWARD,
        FORWARD
        + "\n\n    def sample(self, n, generator):\n"
        + "        return self.noise.sample(n, torch.Generator().manual_seed(0))",
        "samples",
        "seed of its own",
    ),
    method(
        "work that is never charged",
        LOSS,
        LOSS
        + "        surface.log_z.data -= 1e-3 * float(np.tanh(y.numpy() @ np.ones((2, 500))).mean())\n"
        + "        return {'loss': torch.zeros(())}\n",
        "charged",
        "foreign_work",
        ("class Mine(GradientMethod):", "class Mine(Method):"),
        ("def loss(self", "def step(self"),
        ("import os\n", "import os\n\nimport numpy as np\n"),
    ),
    Mistake(
        "the density is off by a factor",
        "dataset",
        (("- math.log(2 * math.pi)", "- math.log(math.pi)"),),
        "density",
        "constant",
    ),
    Mistake(
        "sampler and density disagree",
        "dataset",
        (("return Batch(self.sigma *", "return Batch(0.9 * self.sigma *"),),
        "agreement",
        "two distributions",
    ),
    Mistake(
        "the domain is too small",
        "dataset",
        (("Box((-4.0, -4.0), (4.0, 4.0))", "Box((-1.0, -1.0), (1.0, 1.0))"),),
        "domain",
        "too small",
    ),
    Mistake(
        "the score has another sign", "dataset", (("return -y / self", "return y / self"),), "score", "differences"
    ),
    Mistake(
        "a seed of its own",
        "dataset",
        (("torch.randn(n, 2, generator=generator,", "torch.randn(n, 2, generator=torch.Generator().manual_seed(0),"),),
        "sampler",
        "seed of its own",
    ),
    Mistake(
        "noise that is not added in squares",
        "dataset",
        (("math.hypot(self.sigma, sigma)", "self.sigma + sigma"),),
        "smoothed",
        "squares",
    ),
    given(
        "y given another row's x",
        "        return self.slope * x + self",
        "        x = x.roll(1, 0)\n        return self.slope * x + self",
        "agreement",
        "at x = ",
    ),
    given(
        "x beside another row's y",
        "    def sample_given(",
        "    def sample(self, n, generator):\n        batch = super().sample(n, generator)\n"
        "        return Batch(batch.y, batch.x.roll(1, 0))\n\n    def sample_given(",
        "agreement",
        "another row's x",
    ),
    given(
        "all rows have the x of the first",
        "u = (y - self.slope * x)",
        "u = (y - self.slope * x[0])",
        "rows",
        "mixed up",
    ),
    given("a constant that depends on x is left out", " - self.width(x).log())", ")", "density", "at x = "),
    given("x without y given x", "def sample_given(", "def draw_given(", "sampler", "sample is made of"),
    given("x beyond the context", "Box((-1.0,), (1.0,))", "Box((0.0,), (1.0,))", "domain", "inside of the context"),
    given(
        "no word of x",
        "    def context(self):\n        return Box((-1.0,), (1.0,))",
        "    def place(self):\n        return 0.0\n\n    def sample(self, n, generator):\n"
        "        x = self.sample_context(n, generator)\n        return Batch(self.sample_given(x, generator), x)",
        "sampler",
        "context property",
    ),
    Mistake("a direction that is the wrong way", "metric", (('"down"', '"up"'),), "direction", "other way"),
    Mistake(
        "an error instead of a reason",
        "metric",
        (('raise NotApplicable("the true density is not known")', 'raise ValueError("no density")'),),
        "elsewhere",
        "NotApplicable",
    ),
    Mistake(
        "a value of the truth that is not so", "metric", (("best=0.0", "best=1.0"),), "direction", "1 for the truth"
    ),
    Mistake(
        "a number of chance",
        "metric",
        (("return math.log1p(", "return np.random.default_rng().random() + math.log1p("),),
        "number",
        "same number",
    ),
)


def of(*checks: str) -> list[Mistake]:
    """Those that these checks are to catch."""
    return [mistake for mistake in MISTAKES if mistake.check in checks]
