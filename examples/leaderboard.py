"""Run a suite from Python and read its leaderboard: ``python examples/leaderboard.py``, a minute."""

from __future__ import annotations

import pandas as pd

import ebmbench

results = ebmbench.run("smoke")
board = results.report.leaderboard

# Who is best, by each board: the factor over the best method's loss, with its interval where there are several seeds.
for one in board.boards:
    print(f"\n{one.ruler.title}: {one.ruler.legend}")
    for standing in one.standings:
        first, last = standing.ranks
        print(f"  {standing.row:15} {standing.factor.value:8.2f}  ranks {first} to {last}  {standing.word}")

# Any number of any trial: the two tables joined, a row a number.
numbers: pd.DataFrame = results.metrics.query("final").merge(results.trials, on="trial")
skill = numbers[numbers["metric"] == "skill"].set_index("method")["value"]
cost = results.trials.set_index("method")["passes"]
print("\n", pd.DataFrame({"skill": skill, "passes": cost}).sort_values("skill", ascending=False))

# A run is found again by its suite: nothing is trained here.
assert ebmbench.load("smoke").result.record.run_id == results.result.record.run_id
