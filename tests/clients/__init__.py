"""The embedded server with other versions of the wandb client, each in an environment of its own."""
