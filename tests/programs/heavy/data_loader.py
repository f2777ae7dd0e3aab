"""torch: a DataLoader whose workers are forked, and one whose workers are spawned."""

import os

import torch
import wandb
from torch.utils.data import DataLoader, TensorDataset

if __name__ == "__main__":
    torch.manual_seed(1)
    data = TensorDataset(torch.arange(32.0).reshape(-1, 1), torch.arange(32.0))
    model = torch.nn.Linear(1, 1)
    with wandb.init() as run:
        for context in ("fork", "spawn"):
            loader = DataLoader(data, batch_size=8, shuffle=True, num_workers=2, multiprocessing_context=context)
            for x, y in loader:
                loss = (model(x).squeeze() - y).square().mean()
                loss.backward()
                run.log({"loss": loss.item()})
    with open(os.environ["OUT"] + "/gradient", "w") as file:
        file.write(str(model.weight.grad))
