"""Members trained together against the same trainings alone."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.train.test_loop import CPU
from train import data
from train.batched.members import Members, kind
from train.config import Config
from train.data import DataSet
from train.loop import Evaluation, Interval, Training
from train.network.recorded import WARM_UP, Recorded

DIFFERENT = ((0.02, 0.3, 1), (0.01, 0.0, 2), (0.005, 0.5, 3))  # learning rate, dropout, seed
ADAMS = 0.1  # times the learning rate: with more, rounding errors grow too fast to compare


def configs(model: str, optimizer: str, **options: Any) -> list[Config]:
    """Three members."""
    common: Any = {"model": model, "optimizer": optimizer, "epochs": 2, "batch_size": 6} | options
    scale = ADAMS if optimizer == "adam" else 1
    return [Config(lr=scale * lr, dp=dp, seed=seed, **common) for lr, dp, seed in DIFFERENT]


def alone(config: Config, data: DataSet) -> tuple[list[Interval], tuple[Evaluation, Evaluation]]:
    """A training by itself: the means of all intervals, and the evaluation at the end."""
    training = Training(config, data, CPU, torch.float32)
    intervals = [interval for _ in range(config.epochs) for interval in training.train_epoch()]
    return intervals, training.evaluate_epoch()


def train_epochs(members: Members, epochs: int = 1) -> list[list[Interval]]:
    """The means of the intervals of so many epochs, or of what is left of them, for each member."""
    rows = []
    for _ in range(epochs):
        rows.append(members.train_interval())
        while not members.between_epochs:
            rows.append(members.train_interval())
    return [list(own) for own in zip(*rows, strict=True)]


def assert_alike(
    found: tuple[Sequence[Interval], tuple[Evaluation, Evaluation]],
    expected: tuple[Sequence[Interval], tuple[Evaluation, Evaluation]],
) -> None:
    """Equal within the noise of floating-point sums in another order."""
    for one, other in zip(found[0], expected[0], strict=True):
        assert one.step == other.step
        assert one.loss == pytest.approx(other.loss, rel=2e-3)
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.01)
    for mine, theirs in zip(found[1], expected[1], strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=2e-3)
        assert mine.confusion.sum(1).tolist() == theirs.confusion.sum(1).tolist()
        assert mine.accuracy == pytest.approx(theirs.accuracy, abs=0.03)


@pytest.mark.parametrize("model", ["dense", "cnn"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_each_member_is_as_it_would_be_alone(
    tiny: DataSet, model: str, optimizer: str, schedule: str
) -> None:
    together = configs(model, optimizer, schedule=schedule)
    members = Members(together, tiny, CPU, torch.float32)
    found = zip(train_epochs(members, 2), members.evaluate_epoch(range(3)), strict=True)
    for one, config in zip(found, together, strict=True):
        assert_alike(one, alone(config, tiny))


def test_a_member_that_leaves_does_not_change_the_others(tiny: DataSet) -> None:
    first, diverging, last = configs("dense", "sgd")
    diverging = replace(diverging, lr=1e20)
    members = Members([first, diverging, last], tiny, CPU, torch.float32)
    start = members.train_interval()
    assert [math.isfinite(interval.loss) for interval in start] == [True, False, True]
    (gone,) = members.evaluate_epoch([1])
    assert not math.isfinite(gone[1].loss)
    assert gone[1].confusion.sum() == len(tiny.test)
    members.keep([0, 2])
    rest = train_epochs(members, 2)
    found = zip([start[0], start[2]], rest, members.evaluate_epoch([0, 1]), strict=True)
    for (begin, intervals, evaluations), config in zip(found, (first, last), strict=True):
        assert_alike(([begin, *intervals], evaluations), alone(config, tiny))


@pytest.mark.parametrize("model", ["dense", "cnn"])
def test_checkpoints_go_from_one_way_to_the_other_in_mid_epoch(tiny: DataSet, model: str) -> None:
    together = configs(model, "adam")
    ones = [Training(config, tiny, CPU, torch.float32) for config in together]
    begins, states = [], []
    for config in together:
        one = Training(config, tiny, CPU, torch.float32)
        begins.append(next(one.train_epoch()))
        states.append(one.state())
    members = Members(together, tiny, CPU, torch.float32, states)
    middles = zip(members.train_interval(), members.train_interval(), strict=True)  # into the second epoch
    for number, (one, training, middle) in enumerate(zip(ones, members.trainings, middles, strict=True)):
        assert not training.between_epochs
        one.restore(training.state())
        intervals = [begins[number], *middle, *one.train_epoch()]
        assert_alike((intervals, one.evaluate_epoch()), alone(together[number], tiny))


def without_memory_for_two(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the passes of a step and of an evaluation run out of memory with more than one member."""
    differentiate, evaluate = members._differentiate, members._evaluate

    def step(part: slice, *arguments: Any) -> Any:
        if part.stop - part.start > 1:
            raise torch.OutOfMemoryError
        return differentiate(part, *arguments)

    def evaluation(part: Sequence[int], *arguments: Any) -> Any:
        if len(part) > 1:
            raise torch.OutOfMemoryError
        return evaluate(part, *arguments)

    monkeypatch.setattr(members, "_differentiate", step)
    monkeypatch.setattr(members, "_evaluate", evaluation)


class RecordsOnce(Recorded):
    """Like on a GPU: the fourth call records, and runs out of memory where three calls did not."""

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self._calls += 1
        if self._calls == WARM_UP + 1 and self.members.chunk > 1:
            raise torch.OutOfMemoryError
        return self._function(*inputs)

    members: Members


@pytest.mark.parametrize("when", ["in a step", "while a step is recorded", "in an evaluation"])
def test_what_does_not_fit_into_memory_is_done_in_halves(
    when: str, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = configs("dense", "adam", epochs=1)
    if when == "while a step is recorded":
        monkeypatch.setattr("train.batched.members.Recorded", RecordsOnce)
    members = Members(together, tiny, CPU, torch.float32)
    RecordsOnce.members = members
    if when == "in a step":
        without_memory_for_two(members, monkeypatch)
    intervals = train_epochs(members)
    if when == "in an evaluation":
        without_memory_for_two(members, monkeypatch)
    found = zip(intervals, members.evaluate_epoch(range(3)), strict=True)
    assert members.chunk == 1
    for one, config in zip(found, together, strict=True):
        assert_alike(one, alone(config, tiny))


def test_one_member_that_does_not_fit_is_an_error(tiny: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members(configs("dense", "adam")[:1], tiny, CPU, torch.float32)

    def too_large(*_: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(members, "_differentiate", too_large)
    with pytest.raises(torch.OutOfMemoryError):
        members.train_interval()


def test_dropout_drawn_for_many_steps_is_each_members_own(tiny: DataSet) -> None:
    together = configs("dense", "adam", epochs=1)
    single = Members(together[:1], tiny, CPU, torch.float32)
    several = Members(together, tiny, CPU, torch.float32)
    expected = (train_epochs(single)[0], single.evaluate_epoch([0])[0])
    assert_alike((train_epochs(several)[0], several.evaluate_epoch([0])[0]), expected)
    (layers,) = several._draw([6])
    for member, config in enumerate(together):
        for factors in layers:
            kept = (factors[member] != 0).float().mean()
            assert kept == pytest.approx(1 - config.dp, abs=0.1)
            scale = torch.tensor(1 / (1 - config.dp))
            assert ((factors[member] == 0) | torch.isclose(factors[member], scale)).all()


def test_members_on_a_compact_data_set_are_the_same() -> None:
    digits = data.load("digits", "unused", 0.1)
    together = configs("cnn", "adam", dataset="digits", epochs=1)
    whole, small = (
        Members(together, data_set, CPU, torch.float32) for data_set in (digits, digits.compact())
    )
    assert train_epochs(whole) == train_epochs(small)
    assert [val.loss for val, _ in whole.evaluate_epoch([0, 2])] == [
        val.loss for val, _ in small.evaluate_epoch([0, 2])
    ]


def test_only_runs_of_one_kind_go_together() -> None:
    base = Config()
    assert kind(base) == kind(replace(base, lr=0.5, dp=0.4, seed=9, checkpoint_dir="elsewhere"))
    for name, value in {"model": "dense", "optimizer": "sgd", "batch_size": 3, "precision": "bf16"}.items():
        assert kind(base) != kind(replace(base, **{name: value}))  # type: ignore[arg-type]
