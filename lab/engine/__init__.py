"""Run an experiment: the loop, its context, evaluation, checkpoints and signals."""
