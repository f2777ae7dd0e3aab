"""Keras, with a backend that the program chooses before it imports it."""

import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import wandb

keras.utils.set_random_seed(1)
x = np.random.rand(64, 4).astype("float32")
model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
with wandb.init() as run:
    for loss in model.fit(x, x.sum(1), epochs=2, verbose=0).history["loss"]:
        run.log({"loss": round(float(loss), 4), "backend": keras.backend.backend()})
