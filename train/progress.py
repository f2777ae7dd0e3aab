"""What the user sees: a progress bar in a terminal, one line per epoch elsewhere."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol

from train.loop import Evaluation, Interval


class Progress(Protocol):
    """Receives the progress of a run."""

    def interval(self, interval: Interval) -> None:
        """Some steps are done."""

    def line(self, text: str) -> None:
        """Show a line of text."""


class Lines:
    """Lines on standard output, for log files."""

    def interval(self, interval: Interval) -> None:
        """Print nothing: a log file shows epochs, not steps."""

    def line(self, text: str) -> None:
        """Print ``text`` without buffering, so that the log of a killed job is complete."""
        print(text, flush=True)


class Bar:
    """A progress bar over all steps, with lines above it."""

    def __init__(self, total_steps: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = RichProgress(*columns, transient=True)
        self.task = self.bar.add_task("loss  -    ", total=total_steps)

    def interval(self, interval: Interval) -> None:
        """Move the bar."""
        self.bar.update(self.task, completed=interval.step, description=f"loss {interval.loss:.4f}")

    def line(self, text: str) -> None:
        """Print ``text`` above the bar."""
        self.bar.console.print(text, highlight=False)


@contextlib.contextmanager
def show(total_steps: int) -> Iterator[Progress]:
    """A bar if standard output is a terminal, plain lines if not."""
    if not sys.stdout.isatty():
        yield Lines()
        return
    bar = Bar(total_steps)
    with bar.bar:
        yield bar


def epoch_line(epoch: int, epochs: int, val: Evaluation, test: Evaluation, images_per_second: float) -> str:
    """One line about an epoch."""
    return (
        f"epoch {epoch}/{epochs}  val acc {val.accuracy:.2%}  test acc {test.accuracy:.2%}  "
        f"val loss {val.loss:.4f}  {images_per_second:,.0f} images/s"
    )
