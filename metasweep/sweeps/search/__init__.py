"""How the next point is chosen, and which runs end early."""
