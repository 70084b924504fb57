"""The classic convolutional networks, one file for each family; `names` needs no torch."""
