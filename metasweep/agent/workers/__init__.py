"""The workers of an agent: what they share, and how each goes from run to run."""
