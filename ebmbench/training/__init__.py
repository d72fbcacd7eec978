"""One trial from its folder to its folder: worker, loop, stream, counting, milestones, measuring."""
