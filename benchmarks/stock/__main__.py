"""``python -m benchmarks.stock``: the stock training program, runnable as a sweep's program.

A torchvision data set with transforms, a `DataLoader` for each part, a plain loop with a plain optimizer,
a W&B run with the client's default settings. The networks, the momentum, the split and the logged names
are those of `train`, so that only the way of running them differs.
"""

from __future__ import annotations

import argparse
import time

import torch
import torch.nn.functional as F
import wandb
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import datasets, transforms

from train.data import stratified_split
from train.network.models import build
from train.network.optim import MOMENTUM

VAL_SIZE = 0.1
LOG_EVERY = 50


def parse_args() -> argparse.Namespace:
    """The options in the grid of sweep.yaml, and a few constant ones."""
    parser = argparse.ArgumentParser(description="The stock training program.")
    parser.add_argument("--model", choices=["dense", "cnn"], default="cnn")
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default="adam")
    parser.add_argument("--dp", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--eval-batch-size", type=int, default=500)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--num-workers", type=int, default=0)
    return parser.parse_args()


def make_loaders(args: argparse.Namespace) -> tuple[DataLoader, DataLoader, DataLoader]:
    """Loaders of the training, validation and test images."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    images = datasets.MNIST(args.data_dir, train=True, download=True, transform=transform)
    val, train = stratified_split(images.targets, VAL_SIZE)
    test = datasets.MNIST(args.data_dir, train=False, download=True, transform=transform)

    def loader(data: Dataset, batch_size: int, shuffle: bool = False) -> DataLoader:
        return DataLoader(data, batch_size, shuffle, num_workers=args.num_workers)

    return (
        loader(Subset(images, train.tolist()), args.batch_size, shuffle=True),
        loader(Subset(images, val.tolist()), args.eval_batch_size),
        loader(test, args.eval_batch_size),
    )


def train_epoch(
    model: nn.Module,
    loader: DataLoader,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    run: wandb.Run,
) -> None:
    """One pass over the training images."""
    model.train()
    total_loss, correct, seen = 0.0, 0, 0
    for step, (images, labels) in enumerate(loader, start=1):
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        output = model(images)
        loss = F.cross_entropy(output, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        correct += (output.argmax(1) == labels).sum().item()
        seen += len(labels)
        if step % LOG_EVERY == 0 or step == len(loader):
            run.log({"train/loss": total_loss / seen, "train/acc": correct / seen})
            total_loss, correct, seen = 0.0, 0, 0


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    total_loss, correct, seen = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        output = model(images)
        total_loss += F.cross_entropy(output, labels, reduction="sum").item()
        correct += (output.argmax(1) == labels).sum().item()
        seen += len(labels)
    return total_loss / seen, correct / seen


def main() -> None:
    """Train one run."""
    args = parse_args()
    torch.manual_seed(args.seed)
    device = torch.device(args.device)
    train_loader, val_loader, test_loader = make_loaders(args)
    model = build(args.model, (28, 28), args.dp).to(device)
    optimizer: torch.optim.Optimizer
    if args.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=MOMENTUM)
    with wandb.init(config=vars(args)) as run:
        for epoch in range(1, args.epochs + 1):
            started = time.perf_counter()
            train_epoch(model, train_loader, optimizer, device, run)
            images_per_second = len(train_loader.dataset) / (time.perf_counter() - started)  # type: ignore[arg-type]
            val_loss, val_acc = evaluate(model, val_loader, device)
            test_loss, test_acc = evaluate(model, test_loader, device)
            print(f"epoch {epoch}: val acc {val_acc:.4f}, test acc {test_acc:.4f}")
            row = {"val/loss": val_loss, "val/acc": val_acc, "test/loss": test_loss, "test/acc": test_acc}
            run.log({"epoch": epoch, "images_per_second": images_per_second, **row})


if __name__ == "__main__":
    main()
