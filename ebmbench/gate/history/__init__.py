"""Numbers from commit to commit: the lines that are kept, what a run adds to them, where they changed, a picture."""
