"""Answer a browser, or a program on this machine, with a trained run."""
