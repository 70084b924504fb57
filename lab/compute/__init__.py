"""Set a process up to compute: device, threads, generators of randomness."""
