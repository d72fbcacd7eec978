"""What makes two trials the same: canonical JSON, the closure of the source code, keys."""
