"""Spare children: the forkserver starts them before their runs, and they wait to be told what to become."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from metasweep.forks.processes import ahead, child, main_module
from metasweep.forks.processes.program import ROOT
from metasweep.forks.ways import Way


@dataclass(frozen=True)
class Spare:
    """A child that was started early and waits for the next run."""

    pid: int
    line: int
    """The pipe that tells it which program to become."""
    ended: int
    gate: int | None
    """The pipe that lets a held child continue; only a fork has one."""


@dataclass
class Spares:
    """The spare children that wait, and how more of them are started."""

    fork: Callable[[Callable[[], NoReturn]], int]
    """Fork a child that calls a function; return its process id."""
    notes: int
    """The pipe in which children write how far they are."""
    environ: dict[str, str]
    interpreter: tuple[str, ...] = ()
    imports: ahead.Imports = ()
    """What a new process imports before its run is known."""
    waiting: list[Spare] = field(default_factory=list)

    def begin(self, order: main_module.Order, way: Way) -> Spare:
        """Tell the oldest spare child, or a new one, what to become; return it."""
        while True:
            spare = self.waiting.pop(0) if self.waiting else self.start(way)
            try:
                write_all(spare.line, marshal.dumps(order))
                os.close(spare.line)
            except BrokenPipeError:  # the spare child has died; the forkserver will see it
                close(spare)
                continue
            return spare

    def add(self, way: Way) -> None:
        """Start one more. Raises OSError when no memory, process or file is left."""
        self.waiting.append(self.start(way))

    def start(self, way: Way) -> Spare:
        """Start a child that waits for its run: a fork, or a new process."""
        ended = os.memfd_create("ended")
        told, line = os.pipe()
        turn, gate = os.pipe() if way is Way.FORK else (None, None)

        def run() -> NoReturn:
            os.close(line)
            if turn is not None and gate is not None:
                os.close(gate)
                child.stand_by(told, turn, child.ExitReport(ended, self.notes))
            for fd in (told, ended, self.notes):
                os.set_inheritable(fd, True)
            where = {"line": told, "ended": ended, "notes": self.notes}
            boot = ahead.BOOT.format(root=ROOT, imports=self.imports, **where)
            child.execute([*self.interpreter, "-c", boot], self.environ)

        try:
            return Spare(self.fork(run), line, ended, gate)
        except OSError:
            close(Spare(0, line, ended, gate))
            raise
        finally:
            os.close(told)
            if turn is not None:
                os.close(turn)

    def drop(self) -> None:
        """End the spare children. They lack what the forkserver has imported since they were started."""
        for spare in self.waiting:
            close(spare)
        self.waiting = []

    def forget(self, pid: int) -> None:
        """Close the pipes of a spare child that has died, if it was one."""
        for spare in [spare for spare in self.waiting if spare.pid == pid]:
            self.waiting.remove(spare)
            close(spare)

    @property
    def pipes(self) -> list[int]:
        """The ends of pipes that no other child may keep open."""
        return [fd for spare in self.waiting for fd in (spare.line, spare.gate) if fd is not None]


def close(spare: Spare) -> None:
    """Close the pipes of a spare child, so that it ends."""
    for fd in (spare.line, spare.ended, spare.gate):
        if fd is not None:
            os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all data to a pipe whose reader reads everything."""
    while data:
        data = data[os.write(fd, data) :]
