"""Pure functions of one tidy table: summaries, standings, boards, pairs, profiles, comparisons, conditions."""
