"""``ebmbench ui``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click

from ebmbench.cli import options
from ebmbench.errors import UsageError, printable

PATIENCE = 5.0
"""Seconds in which a server may end by itself."""


@click.command("ui")
@options.results
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def command(results: Path, port: int) -> None:
    """Open the MLflow pages of the results, for this machine only (127.0.0.1)."""
    from ebmbench.observers.mlflow import quiet_environment
    from ebmbench.observers.mlflow_memory import database, pages
    from ebmbench.store.folders import Store

    store = Store(results)
    uri = database(store)
    if uri.startswith("sqlite:///") and not (results / "mlflow.db").is_file():
        raise UsageError(f"{results / 'mlflow.db'}: there is no such file; run a suite first")
    quiet_environment()
    click.echo(f"http://127.0.0.1:{port}  (Ctrl-C ends it)", err=True)
    for suite, page in pages(store).items():
        click.echo(f"  {printable(suite)}: http://127.0.0.1:{port}/{page}", err=True)
    server = ["server", "--backend-store-uri", uri, "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    sys.exit(serve([sys.executable, "-m", "mlflow", *server]))


def serve(command: list[str]) -> int:
    """Run a server until it ends; its exit code. Whatever ends this process ends the server and all it has started."""
    server = subprocess.Popen(command, start_new_session=True)  # a group of its own, which can be signaled as one
    try:
        return server.wait()
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server's group to end; after a while, or at a second signal to this process, kill what is left of it."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
