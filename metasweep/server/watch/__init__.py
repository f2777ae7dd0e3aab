"""Whatever runs by the clock: leases and early stopping."""
