"""The training loop against a plain one, written out with torch's own parts."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, MultiStepLR

from train.config import Config
from train.data import DataSet
from train.loop import LOG_EVERY, Training, evaluate
from train.network.models import build
from train.network.optim import MOMENTUM, lr_factor

CPU = torch.device("cpu")


def plain_loop(config: Config, data: DataSet) -> tuple[torch.nn.Module, list[float]]:
    """The same training as a textbook has it; the network and the loss of every step."""
    torch.manual_seed(config.seed)
    model = build(config.model, (8, 8), config.dp).to(memory_format=torch.channels_last)
    total = config.epochs * math.ceil(len(data.train) / config.batch_size)
    if config.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=MOMENTUM, fused=True)
    scheduler = {
        "constant": LambdaLR(optimizer, lambda _: 1.0),
        "cosine": CosineAnnealingLR(optimizer, total),
        "step": MultiStepLR(optimizer, [total // 2, total * 3 // 4], 0.1),
    }[config.schedule]
    order, losses = torch.Generator().manual_seed(config.seed), []
    for _ in range(config.epochs):
        shuffled = torch.randperm(len(data.train), generator=order)
        for start in range(0, len(shuffled), config.batch_size):
            index = shuffled[start : start + config.batch_size]
            loss = F.cross_entropy(model(data.train.images[index]), data.train.labels[index])
            model.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return model, losses


def run(config: Config, data: DataSet, by_autograd: bool = False) -> tuple[Training, list[float]]:
    """The product's training, all epochs; the means of its logging intervals."""
    training = Training(config, data, CPU, torch.float32)
    training.by_autograd = by_autograd
    losses = [interval.loss for _ in range(config.epochs) for interval in training.train_epoch()]
    return training, losses


@pytest.mark.parametrize("model", ["dense", "cnn"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_by_autograd_equals_a_plain_loop_bit_by_bit(tiny: DataSet, model: str, optimizer: str) -> None:
    config = Config(model=model, optimizer=optimizer, lr=0.01, dp=0.3, seed=5, epochs=2, batch_size=6)  # type: ignore[arg-type]
    training, means = run(config, tiny, by_autograd=True)
    expected, losses = plain_loop(config, tiny)
    for name, value in expected.state_dict().items():
        assert torch.equal(training.model.state_dict()[name], value), name
    assert means[0] == pytest.approx(sum(losses[:LOG_EVERY]) / LOG_EVERY, rel=1e-5)
    assert training.evaluate(tiny.val).accuracy > 0.8


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_schedules_are_those_of_torch(tiny: DataSet, schedule: str) -> None:
    config = Config(model="dense", schedule=schedule, lr=0.05, dp=0, epochs=2, batch_size=50)  # type: ignore[arg-type]
    training, _ = run(config, tiny, by_autograd=True)
    expected, _ = plain_loop(config, tiny)
    # torch computes the cosine from step to step, so the last digits differ.
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(training.model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_the_cosine_ends_at_nothing() -> None:
    assert lr_factor("cosine", 0, 100) == 1
    assert lr_factor("cosine", 100, 100) == pytest.approx(0, abs=1e-12)


def test_a_seed_repeats_and_another_differs(tiny: DataSet) -> None:
    first, again, other = (run(Config(seed=seed, dp=0.3, epochs=1), tiny)[0] for seed in (1, 1, 2))
    weights = [training.model.state_dict()["output.weight"] for training in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(
        torch.randperm(530, generator=first.order), torch.randperm(530, generator=other.order)
    )


@pytest.mark.parametrize("size", [1, 33, 70, 1000])
def test_evaluation_counts_each_image_once_whatever_the_batch(tiny: DataSet, size: int) -> None:
    model = build("cnn", (8, 8), 0.5).eval()
    result = evaluate(model, tiny.test, size)
    with torch.no_grad():
        logits = model(tiny.test.images)
    assert result.confusion.sum() == len(tiny.test)
    assert result.confusion.sum(dim=1).tolist() == tiny.test.labels.bincount(minlength=10).tolist()
    right = (logits.argmax(1) == tiny.test.labels).sum().item()
    assert result.accuracy == right / len(tiny.test)
    assert result.loss == pytest.approx(F.cross_entropy(logits, tiny.test.labels).item(), rel=1e-5)


def test_bf16_trains_as_well(tiny: DataSet) -> None:
    training = Training(Config(dp=0, lr=0.01, batch_size=6), tiny, CPU, torch.bfloat16)
    assert all(math.isfinite(interval.loss) for interval in training.train_epoch())
    assert next(training.model.parameters()).dtype == torch.float32
    assert training.evaluate(tiny.val).accuracy > 0.8


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (9, 13)])
def test_the_networks_take_any_image_size(shape: tuple[int, int]) -> None:
    for name in ("dense", "cnn"):
        assert build(name, shape, 0.1)(torch.randn(3, 1, *shape)).shape == (3, 10)
