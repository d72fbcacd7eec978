"""What is known of a dataset, and integrals over its domain with their error."""
