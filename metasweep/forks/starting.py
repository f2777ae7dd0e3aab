"""How the forkserver starts the processes of runs: what it imports first, and the way of each run."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from metasweep.forks import warmup
from metasweep.forks.messages import Load, Start
from metasweep.forks.processes import child, early_imports, main_module
from metasweep.forks.services import service
from metasweep.forks.spares import Spares
from metasweep.forks.ways import Way


@dataclass
class Starter:
    """Starts processes in the way that was chosen, as long as that is possible."""

    fork: Callable[[Callable[[], NoReturn]], int]
    """Fork a child that calls a function; return its process id."""
    notes: int
    """The pipe in which children write how far they are."""
    environ: dict[str, str]
    say: Callable[[str], None]
    """Tells the user."""
    way: Way = Way.COLD
    warm_up: Callable[[Sequence[str]], object] | None = None
    read: dict[str, int] = field(default_factory=dict)
    """Files of the program that a fork rests on, and when each was last changed (ns)."""
    has_started: bool = False

    def __post_init__(self) -> None:
        self.spares = Spares(self.fork, self.notes, self.environ)

    # --- what runs need

    def load(self, message: Load) -> None:
        """Learn how runs are started; import what all of them need."""
        self.way, self.spares.interpreter = message.way, message.program.interpreter
        if message.early_imports:
            self.spares.imports = (message.program.kind, message.program.name, message.early_imports)
        if self.way is Way.COLD:
            return
        # The program's folder is not on the path yet, so the installed package is imported.
        warmup.attempt(importlib.import_module, "wandb")
        if self.way is Way.FORK and "wandb" in sys.modules:
            # `wandb.init` imports it too, which takes longer than all else that it does.
            warmup.attempt(importlib.import_module, "requests")
        # Each run's wandb asks for this, and the first answer costs a process.
        platform.platform(aliased=True)

    def prepare_to_fork(self, message: Load) -> None:
        """Import what the forks need; check that a new process would import the same modules."""
        folder = message.program.folder
        main_module.put_first(str(folder))
        self.warm_up = warmup.load(message.imports)
        self.read = {**message.read, **warmup.own_files(folder)}
        if not self.warm_up and (name := warmup.shadowed(folder)):
            self.start_ahead(f"the program's folder has a {name} of its own")

    def start_ahead(self, reason: str) -> None:
        """From now on start runs in new processes instead of forking them."""
        self.way = Way.AHEAD
        self.spares.drop()
        self.say(f"each run gets a new process, started ahead of it: {reason}")

    def start_without_imports(self) -> None:
        """Have the processes that are started ahead make no imports: those depend on the run."""
        if self.spares.imports:
            self.spares.imports = ()
            self.say("its imports are not made ahead of a run: they ask for its environment or arguments")

    def learn(self, libraries: bytes) -> bool:
        """Import what a fork had to import by itself. Return whether that takes a new spare child."""
        if not libraries or self.way is not Way.FORK:
            return False
        known = len(sys.modules)
        warmup.load_modules(json.loads(libraries))
        if len(sys.modules) == known or not self.spares.waiting:
            return False
        self.spares.drop()
        return warmup.is_single_threaded()

    # --- a run begins

    def start(self, message: Start, way: Way, token: str) -> tuple[int, int, int | None]:
        """Start a run. `token` leads it to the wandb service that runs share; empty without one.

        Returns its process id, its file `ended` (-1 without one) and its gate if it is held. Raises OSError.
        """
        environ = self.environ | message.environ
        if way is Way.FORK and self.has_started:  # the first run has listed the packages
            environ.setdefault(service.SAVE_REQUIREMENTS, "false")
        self.has_started |= not message.companion
        if way is Way.COLD:
            return self.fork(lambda: run_cold(message, environ)), -1, None
        program = message.program
        order: main_module.Order = {
            "kind": program.kind,
            "name": program.name,
            "arguments": list(program.arguments),
            "words": list(program.words),
            "environ": environ,
            "log": message.log,
            "service": token,
            "held": message.held,
            "left": self.left_by_imports(message.environ) if way is Way.FORK else {},
        }
        spare = self.spares.begin(order, way)
        if message.held or spare.gate is None:
            return spare.pid, spare.ended, spare.gate
        os.close(spare.gate)
        return spare.pid, spare.ended, None

    def warm(self, message: Start) -> None:
        """Call the program's `warm_up`, once, with the arguments of the first run."""
        if self.warm_up and not message.companion:
            warmup.attempt(self.warm_up, message.program.arguments)
            self.warm_up = None
            self.read |= warmup.own_files(message.program.folder)
            self.spares.drop()

    def way_for(self, message: Start) -> Way:
        """Return the way in which this run is started: cold if the chosen way is not possible."""
        if not message.program.is_python:
            return Way.COLD
        if not message.companion and message.program.interpreter != self.spares.interpreter:
            return Way.COLD
        if self.way is Way.FORK and not warmup.is_single_threaded():
            self.start_ahead("what is imported ahead has started a thread")
        if self.way is Way.FORK and warmup.was_changed(self.read):
            self.start_ahead("the program was edited meanwhile")
        if self.way is Way.FORK and early_imports.touches_gpu():
            self.start_ahead("what is imported ahead has opened a GPU")
        return self.way

    def left_by_imports(self, given: dict[str, str]) -> dict[str, str | None]:
        """Return the variables that imports made here have set, or removed (None), except those `given`."""
        names = {*self.environ, *os.environ} - given.keys()
        return {
            name: os.environ.get(name) for name in names if os.environ.get(name) != self.environ.get(name)
        }


def run_cold(message: Start, environ: dict[str, str]) -> NoReturn:
    """Become a plain new process that runs the program."""
    main_module.redirect(message.log)
    child.execute(list(message.program.words), environ)
