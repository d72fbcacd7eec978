"""What plugins offer, by name: the hooks, and a loader that no plugin can break."""
