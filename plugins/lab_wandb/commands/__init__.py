"""The commands `lab sync` and `lab wandb`, a file for each."""
