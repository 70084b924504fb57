"""Compare groups of runs that differ by more than their seed."""
