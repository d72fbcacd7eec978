"""New plugins as files that work as they stand."""
