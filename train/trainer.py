"""``python -m train.trainer SOCKET``: trains the runs of other processes, several of the same kind together.

Each run is a process of its own, ``TRAIN_TOGETHER=SOCKET python -m train ...``, which logs, saves and can be
killed separately. This process is the only one that uses the device, and does the arithmetic for all of them.
"""

import queue
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Listener
from typing import Any

import click
import torch

from train import data, facts
from train.batched.members import Members, kind
from train.batched.together import Begin, Evaluate, Failed, GiveState, Go, receive, send
from train.config import Config
from train.data import DataSet
from train.errors import TrainError
from train.network.models import build

GATHER_SECONDS = 1.0  # if no new run comes for this long, those that are here begin


@dataclass(frozen=True)
class Candidate:
    """A run that waits for its first interval."""

    connection: Connection
    config: Config
    state: dict[str, Any] | None

    @property
    def group(self) -> Any:
        """Only runs of the same kind at the same step can be trained together."""
        return kind(self.config), self.state["step"] if self.state else 0


def greet(connection: Connection, ready: "queue.Queue[Candidate]") -> None:
    """Answer a run's requests before the first one that needs the device."""
    try:
        begin: Begin = receive(connection)
        send(connection, describe(begin.config))
        go: Go = receive(connection)
        ready.put(Candidate(connection, begin.config, go.state))
    except (EOFError, OSError):
        connection.close()


def describe(config: Config) -> dict[str, Any] | Failed:
    """Return what the device and the network add to a run's config."""
    try:
        device = facts.choose_device(config)
        data_set = data.load_for(config)
        model = build(config.model, data_set.image_shape, config.dp)
        return facts.describe(model, device, facts.choose_dtype(config, device))
    except TrainError as error:
        return Failed(error.format_message())


def accept(listener: Listener, ready: "queue.Queue[Candidate]") -> None:
    """Accept runs, each in a thread of its own until it is ready."""
    while True:
        connection = listener.accept()
        threading.Thread(target=greet, args=(connection, ready), daemon=True).start()


def gather(waiting: list[Candidate], ready: "queue.Queue[Candidate]", most: int) -> list[Candidate]:
    """Take up to ``most`` waiting runs of the same kind, as soon as that many are here or no more come."""
    newest = time.monotonic()
    while True:
        groups = defaultdict(list)
        for candidate in waiting:
            groups[candidate.group].append(candidate)
        largest = max(groups.values(), key=len, default=[])
        patience = GATHER_SECONDS - (time.monotonic() - newest)
        if len(largest) >= most or (largest and patience <= 0):
            chosen = largest[:most]
            waiting[:] = [candidate for candidate in waiting if candidate not in chosen]
            return chosen
        try:
            waiting.append(ready.get(timeout=patience if largest else None))
            newest = time.monotonic()
        except queue.Empty:
            continue


@dataclass
class Bucket:
    """Members and, in the same order, the connections to their runs."""

    members: Members
    connections: list[Connection]

    def work(self) -> None:
        """Train interval by interval, as long as any run asks for more."""
        while self.connections:
            for connection, interval in zip(self.connections, self.members.train_interval(), strict=True):
                answer(connection, interval)
            self.serve_until_all_go()

    def serve_until_all_go(self) -> None:
        """Answer evaluations and states. Return when every remaining run asks for the next interval."""
        asking = list(range(len(self.connections)))
        left: list[int] = []
        while asking:
            questions = {member: ask(self.connections[member]) for member in asking}
            evaluating = [member for member in asking if isinstance(questions[member], Evaluate)]
            results = (
                zip(evaluating, self.members.evaluate_epoch(evaluating), strict=True) if evaluating else ()
            )
            for member, evaluations in results:
                answer(self.connections[member], evaluations)
            for member in asking:
                if isinstance(questions[member], GiveState):
                    answer(self.connections[member], self.members.trainings[member].state())
            left += [member for member in asking if questions[member] is None]
            asking = [member for member in asking if isinstance(questions[member], Evaluate | GiveState)]
        if left:
            self.keep([member for member in range(len(self.connections)) if member not in left])

    def keep(self, members: Sequence[int]) -> None:
        """Continue without the runs that have left."""
        self.connections = [self.connections[member] for member in members]
        if members:
            self.members.keep(members)


def ask(connection: Connection) -> Any:
    """Return a run's next request; None if it has left."""
    try:
        return receive(connection)
    except (EOFError, OSError):
        connection.close()
        return None


def answer(connection: Connection, message: Any) -> None:
    """Answer a run. If it has left, `ask` will notice."""
    try:
        send(connection, message)
    except OSError:
        return


def train_together(candidates: Sequence[Candidate], data_set: DataSet, device: torch.device) -> None:
    """Train runs of the same kind until each has ended. An error of all is sent to each."""
    configs = [candidate.config for candidate in candidates]
    connections = [candidate.connection for candidate in candidates]
    try:
        states = [candidate.state for candidate in candidates]
        members = Members(configs, data_set, device, facts.choose_dtype(configs[0], device), states)
        Bucket(members, connections).work()
    except (RuntimeError, KeyError, ValueError) as error:
        reason = f"training {len(configs)} runs together failed: {str(error).splitlines()[0]}"
        print(reason, flush=True)
        for connection in connections:
            answer(connection, Failed(reason))
            connection.close()


@click.command()
@click.argument("socket", type=click.Path())
@click.option("--members", type=click.IntRange(1), required=True, help="Runs that are trained together.")
def main(socket: str, members: int) -> None:
    """Train the runs that come to SOCKET until killed by the process that started this one."""
    # the runs get the signal too, and need this process to save their state
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready: queue.Queue[Candidate] = queue.Queue()
    listener = Listener(socket, "AF_UNIX", backlog=2 * members)
    threading.Thread(target=accept, args=(listener, ready), daemon=True).start()
    waiting: list[Candidate] = []
    loaded = None
    while True:
        chosen = gather(waiting, ready, members)
        config = chosen[0].config
        device = facts.choose_device(config)
        data_set = data.load_for(config)
        if data_set is not loaded:  # move a newly loaded data set to the device
            loaded, resident = data_set, data_set.to(device)
        train_together(chosen, resident, device)
        print(f"trained {len(chosen)} runs together: {config.model}, {config.optimizer}", flush=True)


if __name__ == "__main__":
    main()
