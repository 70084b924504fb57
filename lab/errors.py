"""Name what can go wrong in words a user can act on."""

from __future__ import annotations

from lab.messages import describe


class LabError(Exception):
    """Something failed and the message says what, in one or two plain lines. Exit code 1."""

    exit_code = 1


class UsageError(LabError):
    """The request cannot be met: a wrong name, option or value. Exit code 2."""

    exit_code = 2


class NotInstalled(UsageError):
    """What is asked for needs a package that is not there; the message says how to install it."""


class InputWarning(UserWarning):
    """What is predicted from holds what training never saw, a category or a word, or is cut."""


class Diverged(LabError):
    """A metric is no longer a finite number."""


class RunFailed(LabError):
    """A run ended in state `failed`; the original exception is `__cause__`, the folder `dir`."""

    def __init__(self, message: str, dir: str) -> None:
        super().__init__(message)
        self.dir = dir


def reason(error: BaseException) -> str:
    """Return the message of the lab's own errors, and type, message and place of any other."""
    return str(error) if isinstance(error, LabError) else describe(error)
