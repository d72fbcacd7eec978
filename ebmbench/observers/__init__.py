"""Who hears of a run: the terminal, MLflow."""
