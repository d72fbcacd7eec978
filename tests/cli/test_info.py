"""``ebmbench info``: the card of a method, dataset or metric."""

from __future__ import annotations

import json
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
    assert "kind normalized: F = -log p, exp(-F) integrates to one" in lines
    assert "owner ebmbench:c2_chosen_points" in lines
    assert "code ebmbench_plugins.c2_chosen_points.nce:NCE" in lines
    assert "noise_ratio int 4 ≥ 1 noise samples for each data point" in lines
    assert "lr float 0.002 > 0 peak learning rate of Adam" in lines, "inherited fields too"
    assert any(line.startswith("ref Gutmann & Hyvarinen 2012: ") and "https://www.jmlr.org/" in line for line in lines)
    assert "tracks plane, user_data, conditional, sequences, dimensions" in lines
    assert any(line.startswith("file ") and "c2_chosen_points/nce.py:" in line for line in lines)
    assert "L = E_p softplus(-h) + nu E_q softplus(h)" in text, "the formula of the docstring"


def test_the_card_of_a_dataset() -> None:
    lines = [" ".join(line.split()) for line in card("pink_spiral").splitlines()]
    assert lines[0].startswith("pink_spiral: ")
    assert any(line.startswith("sigma float 0.05") for line in lines)


def test_the_card_of_a_metric() -> None:
    lines = [" ".join(line.split()) for line in card("kl").splitlines()]
    assert lines[0] == "kl: KL(p || q) over all of the space"
    assert "needs the exact density" in lines
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
        ("log_z_error", "n/a for   density, smoothed, ranking: only a normalized energy claims a constant"),
        (
            "kl_smoothed",
            "n/a for   normalized, density, ranking: only a smoothed energy is blurred by noise of the method's own",
        ),
    ],
)
def test_a_metric_says_what_it_is_not_for_and_why(metric: str, said: str) -> None:
    assert said in info(metric).stdout


def test_a_metric_for_every_kind_excludes_none() -> None:
    assert "n/a for" not in info("auroc").stdout


@pytest.mark.parametrize("name", ["nce", "moons", "kl"])
def test_json_says_the_same(name: str) -> None:
    (found,) = json.loads(card(name, "--json"))
    text = card(name)
    assert found["name"] == name
    for part in (found["summary"], found["formula"], found["owner"], found["source"]["target"]):
        assert part in text
    assert all(p["meaning"] in text and p["type"] in text for p in found["parameters"])
    assert all(p["link"] in text for p in found["papers"])


def test_json_has_cards_alone() -> None:
    """Trials have none; a name is one of the catalog's."""
    done = info("nec", "--json")
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == "no method, dataset or metric is called 'nec'; did you mean 'nce'?"
    assert isinstance(info("nce/moons/0/cpu", "--json").exception, UsageError)
    assert isinstance(info("nce", "kl", "--json").exception, UsageError), "two trials are no card"


def test_a_name_of_two_things_has_two_cards(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from ebmbench.api import DatasetSpec, hookimpl\n"
        "@hookimpl\n"
        "def ebmbench_datasets():\n"
        "    yield DatasetSpec('kl', 'ebmbench.datasets.plane:Moons', 'not the metric')\n"
    )
    assert [one["type"] for one in json.loads(card("kl", "--json", "-p", str(path)))] == ["dataset", "metric"]


def test_a_card_cannot_drive_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from ebmbench.api import EnergyKind, Method, MethodSpec, Strategy, hookimpl\n"
        "class Mine(Method):\n"
        "    'A \\x1b[31mred = word.'\n"
        "@hookimpl\n"
        "def ebmbench_methods():\n"
        "    yield MethodSpec('mine', Mine, Strategy.A4, EnergyKind.RANKING, 'my \\x1b[2Jown', ('\\x07bell',))\n"
    )
    text = card("mine", "-p", str(path))
    assert "A \N{REPLACEMENT CHARACTER}[31mred = word" in text
    assert all(c.isprintable() or c == "\n" for c in text)
