"""Prove on an accelerator what the tests prove on a CPU, and measure how fast it is there."""
