"""The options of a training run. The command line is generated from this dataclass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

import click

HELP = """Train a small image classifier and log it to Weights & Biases.

The environment variables of wandb say where to: WANDB_BASE_URL, WANDB_API_KEY, WANDB_PROJECT, and
WANDB_MODE=offline or disabled to do without a server.
"""


class Number(click.ParamType):
    """A finite number within bounds; the bounds appear in the help and in the message."""

    def __init__(self, kind: type, low: float, high: float, open_low: bool, open_high: bool) -> None:
        self.kind, self.low, self.high, self.open_low, self.open_high = kind, low, high, open_low, open_high
        self.name = "integer" if kind is int else "number"

    @property
    def bounds(self) -> str:
        """Return the bounds in words: ``at least 1``, ``above 0``, ``at least 0 and below 1``."""
        low = f"{'above' if self.open_low else 'at least'} {self.low:g}"
        high = (
            f" and {'below' if self.open_high else 'at most'} {self.high:g}" if self.high < math.inf else ""
        )
        return low + high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse and check ``value``. An error is a usage error that names the bounds."""
        try:
            number = self.kind(value)
        except ValueError:
            self.fail(f"{value!r} is not {'a whole' if self.kind is int else 'a'} number", param, ctx)
        above = number > self.low if self.open_low else number >= self.low
        below = number < self.high if self.open_high else number <= self.high
        if not (above and below and math.isfinite(number)):
            self.fail(f"{value} is out of range: it must be {self.bounds}", param, ctx)
        return number


def option(
    default: Any,
    text: str,
    low: float = 0,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> Any:
    """A configuration field with its help text and, for numbers, its bounds."""
    bounds = {"low": low, "high": high, "open_low": open_low, "open_high": open_high}
    return field(default=default, metadata={"help": text, "bounds": bounds})


@dataclass(frozen=True)
class Config:
    """One training run. Field names are the names of the options and the keys of the run's W&B config."""

    model: Literal["dense", "cnn"] = option("cnn", "Network: three-layer perceptron or small CNN.")
    lr: float = option(0.001, "Learning rate at the start.", open_low=True)
    optimizer: Literal["sgd", "adam"] = option("adam", "Optimizer; SGD uses momentum.")
    dp: float = option(0.1, "Dropout probability in the hidden layers.", high=1, open_high=True)
    seed: int = option(1, "Seed of weights, data order and dropout.", high=2**63 - 1)
    epochs: int = option(2, "Passes over the training images.", low=1)
    batch_size: int = option(64, "Images per training step.", low=1)
    eval_batch_size: int = option(500, "Images per evaluation step.", low=1)
    dataset: Literal["mnist", "fashion-mnist", "digits"] = option("mnist", "Images to classify.")
    data_dir: str = option("data", "Folder of the data sets; missing files are downloaded into it.")
    val_size: float = option(
        0.1,
        "Share of the training images held out for validation, by class; the same in every run.",
        open_low=True,
        high=1,
        open_high=True,
    )
    test_size: float = option(
        1.0,
        "Share of the test images to test on, by class; drawn again for every seed.",
        open_low=True,
        high=1,
    )
    schedule: Literal["constant", "cosine", "step"] = option(
        "constant", "Learning rate over the steps; step divides by 10 at 1/2 and 3/4 of the training."
    )
    precision: Literal["fp32", "bf16", "auto"] = option(
        "fp32", "Number format of the forward pass; auto is bf16 if the device supports it natively."
    )
    device: Literal["auto", "cpu", "cuda"] = option(
        "auto", "Where to train; auto is the GPU if there is one."
    )
    checkpoint_dir: str = option(
        "", "Folder on shared storage from which an interrupted run continues; without one it starts over."
    )


def parse(arguments: Sequence[str]) -> Config:
    """Return the configuration in the command line ``arguments``.

    Raises `click.UsageError` for a wrong one and `click.exceptions.Exit` after printing the help.
    """
    command = click.Command("train", params=[_click_option(item) for item in fields(Config)], help=HELP)
    # W&B sweeps often write batch_size; the option is --batch-size.
    context = command.make_context(
        "python -m train",
        list(arguments),
        token_normalize_func=lambda token: token.replace("_", "-"),
        help_option_names=["-h", "--help"],
    )
    return Config(**context.params)


def _click_option(item: Any) -> click.Option:
    return click.Option(
        ["--" + item.name.replace("_", "-"), item.name],
        type=_click_type(item),
        default=item.default,
        show_default=True,
        help=item.metadata["help"],
    )


def _click_type(item: Any) -> click.ParamType:
    if get_origin(item.type) is Literal:
        return click.Choice(get_args(item.type))
    if item.type is str:
        return click.STRING
    return Number(item.type, **item.metadata["bounds"])
