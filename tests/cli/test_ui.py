"""``ebmbench ui``: MLflow's own server, on this machine only, over the results' database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group, ui_verb
from ebmbench.errors import UsageError
from ebmbench.observers.mlflow_memory import Mirrored
from ebmbench.store.folders import Store
from tests.faults.runs import EBMBENCH, alive, environment, listening, soon


class Server:
    """Stands in for MLflow's: notes how it was started."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.started = code, list[tuple[list[str], dict[str, str]]]()

    def __call__(self, command: list[str]) -> int:
        self.started.append((command, dict(os.environ)))
        return self.code


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(ui_verb, "serve", made)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    return made


def ui(*args: str) -> Result:
    return CliRunner().invoke(group, ["ui", *args], standalone_mode=False)


def options(command: list[str]) -> dict[str, str]:
    """The options of a command with their values."""
    start = command.index("server") + 1
    return dict(zip(command[start::2], command[start + 1 :: 2], strict=True))


def test_the_pages_are_for_this_machine_only(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    done = ui("--results", str(tmp_path))
    assert done.exit_code == 0
    ((command, environ),) = server.started
    assert command[:4] == [sys.executable, "-m", "mlflow", "server"]
    given = options(command)
    assert given["--host"] == "127.0.0.1"
    assert given["--port"] == "5000"
    assert given["--backend-store-uri"] == f"sqlite:///{(tmp_path / 'mlflow.db').resolve()}"
    assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "http://127.0.0.1:5000" in done.stderr
    assert done.stdout == ""


def test_each_suite_in_the_mirror_has_a_page_of_models(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "toy").mkdir()
    mirrored = Mirrored(Store(tmp_path), "toy")
    mirrored.experiment = "3"
    mirrored.save()
    said = ui("--results", str(tmp_path), "--port", "8123").stderr
    assert "  toy: http://127.0.0.1:8123/#/experiments/3/runs?workflowType=machine_learning\n" in said


def test_the_port_is_chosen(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    assert "http://127.0.0.1:8123" in ui("--results", str(tmp_path), "--port", "8123").stderr
    assert options(server.started[0][0])["--port"] == "8123"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "many"])
def test_a_port_that_is_none_is_refused(server: Server, tmp_path: Path, port: str) -> None:
    (tmp_path / "mlflow.db").touch()
    assert ui("--results", str(tmp_path), "--port", port).exit_code != 0
    assert server.started == []


def test_the_exit_code_is_the_servers(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    server.code = 3
    assert ui("--results", str(tmp_path)).exit_code == 3


def test_without_a_mirror_nothing_is_started(server: Server, tmp_path: Path) -> None:
    """And no empty database is left for the next run to stumble over."""
    done = ui("--results", str(tmp_path))
    assert isinstance(done.exception, UsageError)
    assert "mlflow.db: there is no such file; run a suite first" in str(done.exception)
    assert server.started == []
    assert list(tmp_path.iterdir()) == []


def test_a_tracking_server_of_ones_own_needs_no_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://somewhere/runs")
    assert ui("--results", str(tmp_path)).exit_code == 0
    assert options(server.started[0][0])["--backend-store-uri"] == "postgresql://somewhere/runs"


# --- how it ends -----------------------------------------------------------------------------------------------------

STAND_IN = """
import signal, subprocess, sys

stubborn = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
open("serving", "w").close()
child.wait()
"""


@pytest.mark.process
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the environment of a process is read")
def test_a_signal_to_it_alone_ends_the_server_and_the_servers_children(tmp_path: Path) -> None:
    """As a service manager or ``kill`` sends it; a terminal would send it to all of them. MLflow is a stand-in."""
    asked = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        place = tmp_path / number.name
        (place / "mlflow").mkdir(parents=True)
        (place / "mlflow" / "__init__.py").touch()
        (place / "mlflow" / "__main__.py").write_text(STAND_IN)
        (place / "results").mkdir()
        (place / "results" / "mlflow.db").touch()
        path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
        started = subprocess.Popen(
            [EBMBENCH, "ui"],
            cwd=place,
            env=environment(str(place), PYTHONPATH=path),
            stderr=subprocess.DEVNULL,
            preexec_fn=listening,
        )
        asked[number] = (started, place)
    codes = {}
    for number, (started, place) in asked.items():
        try:
            assert soon((place / "serving").exists, 30), "the server is there"
            assert len(alive(str(place))) == 3, "ebmbench, its server, and what that has started"
        finally:
            started.send_signal(number)
        codes[number] = started.wait(30)
        left = alive(str(place))
        for process in left:
            process.kill()
        assert left == []
    assert codes == {signal.SIGTERM: 143, signal.SIGINT: 130}
