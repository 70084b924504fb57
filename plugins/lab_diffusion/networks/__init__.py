"""Networks that denoise, one file each.

All are called `net(x, time, classes)`: x_t [B, ...], times [B] in [0, 1] and, of a conditional
network, class numbers [B], where the number after the last stands for no class.
"""
