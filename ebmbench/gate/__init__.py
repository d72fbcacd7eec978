"""Base against head: what a change did to the work, the time and the quality of each method."""
