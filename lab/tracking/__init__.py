"""Follow a run: the metrics file, W&B, the terminal."""
