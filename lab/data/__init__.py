"""Turn what a source gives into splits, batches and augmented tensors."""
