"""From a suite to its trials: what is cached, to run or skipped, and why; how long it will take."""
