"""``ebmbench info``: the card of a method, dataset or metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.errors import UsageError


def info(*args: str) -> Result:
    return CliRunner().invoke(group, ["info", *args], standalone_mode=False)


def card(*args: str) -> str:
    done = info(*args)
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_the_card_of_a_method() -> None:
    text = card("nce")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0].startswith("nce: ")
    assert "strategy C2 (contrastive): push down the energy of data points, push up on chosen locations" in lines
    assert "kind normalized" in lines
    assert "owner ebmbench:c2_chosen_points" in lines
    assert "code ebmbench_plugins.c2_chosen_points.nce:NCE" in lines
    assert "noise_ratio 4 noise samples for each data point" in lines
    assert "lr 0.002 peak learning rate of Adam" in lines, "inherited fields too"
    assert "Gutmann & Hyvarinen" in text
    assert "L = E_p softplus(-h) + nu E_q softplus(h)" in text, "the formula of the docstring"


def test_the_card_of_a_dataset() -> None:
    lines = [" ".join(line.split()) for line in card("pink_spiral").splitlines()]
    assert lines[0].startswith("pink_spiral: ")
    assert any(line.startswith("sigma 0.05") for line in lines)


def test_the_card_of_a_metric() -> None:
    lines = [" ".join(line.split()) for line in card("kl").splitlines()]
    assert lines[0] == "kl: KL(p || q) over all of the space"
    assert "unit nats" in lines
    assert "best down (0 for the truth)" in lines
    assert "kinds density, normalized, ranking, smoothed" in lines
    assert "variants raw, beta, iso" in lines


def test_the_card_of_a_metric_says_what_the_truth_reads_and_what_it_costs() -> None:
    lines = [" ".join(line.split()) for line in card("mmd2").splitlines()]
    assert any(line.startswith("8gaussians common ") and line.endswith(" s") and "+-" in line for line in lines)


@pytest.mark.parametrize(("given", "nearest"), [("nec", "nce"), ("moon", "moons"), ("oracel", "oracle")])
def test_an_unknown_name_is_answered_with_the_nearest(given: str, nearest: str) -> None:
    done = info(given)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == f"nothing is called '{given}'; did you mean '{nearest}'?"
    assert done.stdout == ""


def test_a_method_that_cannot_be_imported_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl\n"
        "@hookimpl\n"
        "def ebmbench_methods():\n"
        "    yield MethodSpec('mine', 'nowhere:Nothing', Strategy.A4, EnergyKind.RANKING, 'my own')\n"
    )
    done = info("mine", "-p", str(path))
    assert isinstance(done.exception, UsageError)
    assert f"nowhere:Nothing of {path} cannot be imported" in str(done.exception)


@pytest.mark.long
def test_a_dataset_is_drawn(tmp_path: Path) -> None:
    done = info("moons", "--plot", str(tmp_path / "moons.png"))
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "moons.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_only_datasets_are_drawn_and_only_where_one_can_write(tmp_path: Path) -> None:
    for arguments in (("nce", str(tmp_path / "x.png")), ("moons", str(tmp_path / "nowhere" / "x.png"))):
        done = info(arguments[0], "--plot", arguments[1])
        assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("fisher", "n/a for   ranking (raw): the scale of a ranking energy means nothing"),
        ("mass_outside", "n/a for   ranking (raw): the scale of a ranking energy means nothing"),
        ("log_z_error", "n/a for   density: only a normalized energy claims a constant"),
        ("kl_smoothed", "n/a for   normalized: only a smoothed energy is blurred by noise of the method's own"),
    ],
)
def test_a_metric_says_what_it_is_not_for_and_why(metric: str, said: str) -> None:
    assert said in info(metric).stdout


def test_a_metric_for_every_kind_excludes_none() -> None:
    assert "n/a for" not in info("auroc").stdout
