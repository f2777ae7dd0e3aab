"""Several runs trained together as one batched computation."""
