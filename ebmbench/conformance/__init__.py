"""The conformance kit: whether a plugin keeps its contract, and what is wrong where it does not."""
