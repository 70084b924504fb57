"""Import a person's own file as the module of its name, with the modules in its folder."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from lab.errors import UsageError
from lab.messages import describe


def import_file(path: Path) -> ModuleType:
    """Import a file. Raises UsageError where that cannot be."""
    path = path.absolute()
    with importable(path):
        try:
            return importlib.import_module(path.stem)
        except (Exception, SystemExit) as error:  # a user's file may fail in any way
            raise UsageError(f"{path} cannot be loaded: {describe(error)}") from error


@contextmanager
def importable(path: Path) -> Iterator[None]:
    """Let a file be imported by its stem, from now on unless what is done here fails.

    Raises UsageError where there is no such file, or its name is none of a module or is taken.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    imported = sys.modules.get(path.stem) or importlib.util.find_spec(path.stem)
    where = getattr(imported, "__file__", None) or getattr(imported, "origin", None)
    if not path.stem.isidentifier() or (imported and Path(str(where)) != path):
        raise UsageError(f"{path} cannot be imported as a module {path.stem!r}: rename the file.")
    folder = str(path.parent)
    added = folder not in sys.path
    if added:
        sys.path.append(folder)
    try:
        yield
    except BaseException:
        if added:
            sys.path.remove(folder)
        sys.modules.pop(path.stem, None)
        raise
