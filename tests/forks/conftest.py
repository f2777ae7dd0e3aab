"""The forks are tried as users meet them: through an agent in a folder with a tiny program."""

from tests.agent.conftest import forgetful, workshop

__all__ = ["forgetful", "workshop"]
