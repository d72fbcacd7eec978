"""Cards: what there is to know of a method, a dataset or a metric before it is run."""
