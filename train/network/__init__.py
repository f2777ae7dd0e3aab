"""The networks, their passes and their optimizers."""
