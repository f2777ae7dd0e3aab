"""The points of sweeps: which run has which point, and which comes next."""
