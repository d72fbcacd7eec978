"""Trial folders, runs and their tables on the disk."""
