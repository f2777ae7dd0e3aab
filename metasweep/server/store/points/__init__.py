"""The points of sweeps: who has which, and which comes next."""
