"""Warm processes: a forkserver, its children, and the wandb service that they share. Knows no sweep."""
