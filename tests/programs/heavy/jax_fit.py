"""jax, whose threads are there from the first call."""

import jax
import jax.numpy as jnp
import wandb

gradient = jax.jit(jax.grad(lambda w: jnp.sum((w - 3.0) ** 2)))
w = jnp.zeros(2)
with wandb.init() as run:
    for _ in range(3):
        w = w - 0.1 * gradient(w)
        run.log({"w": round(float(w[0]), 4)})
