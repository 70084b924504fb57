"""Convolutional networks: the classic architectures and what is trained on them."""
