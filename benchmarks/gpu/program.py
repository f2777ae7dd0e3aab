"""A training program as someone else would write it: it sets no seed and knows nothing of this project."""

import argparse
import time

import torch
import wandb

ALL_LOSSES: list[float] = []  # a global; another program in the same process would find it filled

parser = argparse.ArgumentParser()
parser.add_argument("--repeat", type=int)
parser.add_argument("--device", default="cuda")
options = parser.parse_args()

left_behind = len(ALL_LOSSES)
allocated_before = torch.cuda.memory_allocated() if options.device == "cuda" else 0
with wandb.init(config=vars(options)) as run:
    began = time.time()
    hidden = torch.nn.Linear(512, 512)
    network = torch.nn.Sequential(hidden, torch.nn.ReLU(), torch.nn.Linear(512, 1))
    network.to(options.device)
    optimizer = torch.optim.Adam(network.parameters())
    drawn = hidden.weight.sum().item()
    while time.time() - began < 2:
        images = torch.randn(256, 512, device=options.device)
        loss = network(images).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ALL_LOSSES.append(loss.item())
    run.log({"loss": ALL_LOSSES[-1], "drawn": drawn, "left_behind": left_behind})
    run.log({"allocated_before": allocated_before, "began": began, "ended": time.time()})
