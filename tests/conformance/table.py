"""The table of mistakes: what each is, which check catches it, what is said and how long that takes.

python -m tests.conformance.table > docs/mistakes.md
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import torch

from tests.conformance.kit import checked
from tests.conformance.mistakes import MISTAKES

HEAD = """\
# Mistakes that `ebmbench check` catches

Each is a wrong plugin that `tests/conformance/mistakes.py` keeps: a right one with a few words replaced. What is said
is the first finding of the check that is to catch it, with the likely cause; the line is left out. Seconds are those
of the whole `ebmbench check FILE --no-trial` on one core, without the start of Python. Made by
`python -m tests.conformance.table`.

| a | with this mistake | check | says | s |
|---|---|---|---|---|"""


def main() -> None:
    """Print it."""
    torch.set_num_threads(1)
    print(HEAD)
    for mistake in MISTAKES:
        with tempfile.TemporaryDirectory() as folder:
            found = checked(mistake.kind, mistake.source, Path(folder))
        finding = next(one for one in found.findings if one.check == mistake.check)
        said = re.sub(r" \([^ ]*mine\.py:\d+\)", "", str(finding)).replace("\n    likely:", "; likely:")
        said = said.partition(": ")[2].replace("|", "\\|")
        print(f"| {mistake.kind} | {mistake.title} | `{mistake.check}` | {said} | {found.seconds:.1f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
