"""scikit-learn."""

import wandb
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

x, y = load_iris(return_X_y=True)
model = RandomForestClassifier(10, random_state=1, n_jobs=2).fit(x[::2], y[::2])
with wandb.init() as run:
    run.log({"acc": model.score(x[1::2], y[1::2])})
