# ruff: noqa: PTH113, PTH118
"""Lets wandb in this process find the service that all runs share, at the moment when wandb looks for it.

If the service were in the environment, every program that this one starts would use it too, but not end it: a
wrapper that starts the real training by `subprocess`, or a program that executes itself again.

Imports only what every new interpreter has loaded.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing it from `typing` would load that module
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

VARIABLE = "WANDB_SERVICE"
MODULE = "wandb.sdk.lib.service.service_token"
"""The module in which wandb reads the variable, with `from_env`."""


def offer(token: str) -> None:
    """Lead wandb to the service with this token, whether or not wandb has been imported."""
    if MODULE in sys.modules:
        patch(sys.modules[MODULE], token)
    elif "wandb" in sys.modules:
        os.environ[VARIABLE] = token
    else:
        sys.meta_path.insert(0, Hook(token))


def patch(module: ModuleType, token: str) -> None:
    """Make wandb's `from_env` return the token. If there is no `from_env`, set the variable at once."""
    read = getattr(module, "from_env", None)
    if read is None:
        os.environ[VARIABLE] = token
        return

    def from_env() -> Any:
        os.environ.setdefault(VARIABLE, token)  # wandb does the same after it has started its own service
        module.from_env = read  # type: ignore[attr-defined]
        return read()

    module.from_env = from_env  # type: ignore[attr-defined]


class Hook:
    """A module finder that waits for `MODULE`, patches it, and removes itself."""

    def __init__(self, token: str) -> None:
        self._token = token

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Find a module with the other finders. `MODULE` is patched after it has been executed."""
        if name != MODULE and name != "wandb":
            return None
        spec = next(
            (found for finder in others(self) if (found := finder.find_spec(name, path, target))), None
        )
        if name == "wandb":
            if not has_reader(spec):
                sys.meta_path.remove(self)
                os.environ[VARIABLE] = self._token
        elif spec and spec.loader:
            sys.meta_path.remove(self)
            spec.loader = Patched(spec.loader, self._token)
        return spec


class Patched:
    """A loader that patches the module after another loader has loaded it."""

    def __init__(self, loader: Any, token: str) -> None:
        self._loader, self._token = loader, token

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        """Do what the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, then patch it."""
        module.__loader__ = module.__spec__.loader = self._loader  # type: ignore[union-attr]
        self._loader.exec_module(module)
        patch(module, self._token)


def others(hook: Hook) -> list[Any]:
    """Return the other finders."""
    return [finder for finder in sys.meta_path if finder is not hook]


def has_reader(spec: Any) -> bool:
    """Return whether wandb, found but not imported, has the module that reads the variable."""
    folders = (spec and spec.submodule_search_locations) or ()
    inner = MODULE.split(".")[1:]
    return any(os.path.isfile(os.path.join(folder, *inner) + ".py") for folder in folders)
