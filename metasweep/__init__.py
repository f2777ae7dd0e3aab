"""Hyper-parameter search for batch clusters, driven by Weights & Biases Sweeps."""
