"""Import what is heavy, then fork a child for each task that comes (see `warm.py`)."""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any

HEAVY = (
    "click", "gymnasium", "matplotlib.figure", "numpy", "packaging.requirements", "PIL.Image",
    "pluggy", "pydantic", "rich.console", "rich.table", "scipy.sparse.csgraph", "scipy.stats",
    "sklearn.datasets", "sklearn.linear_model", "torch", "torch._dynamo", "yaml",
)  # fmt: skip


def main(control: socket.socket) -> dict[str, Any] | None:
    """Fork for each task until nobody is left to send one. Returns in the children, with the task,
    and in the end, without."""
    os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"  # of pyarrow, by pandas
    for name in HEAVY:
        importlib.import_module(name)
    with suppress(ImportError):  # else torch._dynamo imports it at exit: an interrupt is forgotten
        importlib.import_module("tabulate")
    threads = list(Path("/proc/self/task").iterdir())
    assert len(threads) == 1, f"{len(threads)} threads: a fork would lose all but one"
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        message, fds, _, _ = socket.recv_fds(control, 2**20, 4)
        if not message:
            return None
        if os.fork() == 0:
            control.close()
            return watched(json.loads(message), *fds)
        for fd in fds:
            os.close(fd)


def watched(
    task: dict[str, Any], stdin: int, stdout: int, stderr: int, state: int
) -> dict[str, Any]:
    """Fork once more: the child returns with the task, who waits for it says how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        for own, fd in enumerate((stdin, stdout, stderr)):
            os.dup2(fd, own)
        for fd in {stdin, stdout, stderr, state} - {0, 1, 2}:
            os.close(fd)
        return task
    for fd in (0, 1, 2, stdin, stdout, stderr):
        os.close(fd)
    os.write(state, f"{child}\n".encode())
    os.write(state, f"{os.waitpid(child, 0)[1]}\n".encode())
    os._exit(0)


def become(
    args: list[str], cwd: str, env: dict[str, str], safe_path: bool, new_session: bool
) -> None:
    """Take on what a new python would have been given."""
    if new_session:
        os.setsid()
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    extra = dict.fromkeys(path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path)
    first = [] if safe_path or "PYTHONSAFEPATH" in env else [cwd if args[0] == "-m" else ""]
    # nor does a new python add what a .pth file names and PYTHONPATH holds already
    rest = [path for path in sys.path if path not in inherited and path not in extra]
    sys.path[:] = [*first, *extra, *rest]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    sys.argv = [args[0], *args[2:]]
    sys.modules["numpy"].random.seed()  # else all children draw alike; `random` sees to itself
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())


def run(how: str, what: str) -> None:
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = module = ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    task = main(socket.socket(fileno=int(sys.argv[1])))
    if task is not None:
        become(**task)
        run(*task["args"][:2])
