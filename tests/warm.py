"""Start a python that has imported what takes seconds: a fork of one that waits for it.

What is heavy and not the lab's (torch, its compiler, scikit-learn, matplotlib) is imported once, in
a server for each process of tests (`warm_server.py`); each child is forked from there, and
imports the lab and the plugins itself. It has its own arguments, environment, folder, paths, output
and exit code, and a signal ends it as any other process. All children of one server share the seed
of python's hashes: two that must agree to the bit are started each by itself.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

QUIET = {  # one thread, unless the suite is given more: OMP_NUM_THREADS=2 pytest
    "WANDB_ERROR_REPORTING": "false",
    "OMP_WAIT_POLICY": "passive",
    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
}
SERVER = Path(__file__).with_name("warm_server.py")
# what libraries, or python itself, read when they are imported or started
READ_ONCE = (
    "ATEN", "GOMP", "KMP", "LANG", "LC_", "LD_", "MALLOC", "MKL", "MPL", "OMP", "OPENBLAS",
    "PYTHON", "TORCH",
)  # fmt: skip
READ_EACH_TIME = ("PYTHONPATH", "PYTHONSAFEPATH")


def serves(args: Sequence[str], env: Mapping[str, str] | None) -> bool:
    """Tell whether a child would be the same as a process that starts anew."""
    if sys.platform != "linux" or env is None or _code(args)[0] not in ("-m", "-c"):
        return False
    return read_once(env) == read_once({**os.environ, **QUIET})


class Warm(subprocess.Popen[Any]):
    """A child that the server forks: to who started it, as one of its own.

    Overrides the three methods of `Popen` that call the system.
    """

    def _execute_child(
        self, args: list[str], executable: Any, preexec_fn: Any, close_fds: bool, pass_fds: Any,
        cwd: Any, env: Mapping[str, str], startupinfo: Any, creationflags: Any, shell: Any,
        *ends: Any,
    ) -> None:  # fmt: skip
        pipes = ends[:6]  # of input, output and errors: what the parent and the child hold
        stdin, stdout, stderr = (
            own if own >= 0 else inherited
            for own, inherited in zip((pipes[0], pipes[3], pipes[5]), range(3), strict=True)
        )
        reading, writing = os.pipe()
        self._state = open(reading, "rb", buffering=0)  # noqa: PTH123, SIM115
        task = {
            "args": _code(args),
            "cwd": str(cwd or os.getcwd()),  # noqa: PTH109
            "env": dict(env),
            "safe_path": args[1] == "-P",
            "new_session": ends[11],
        }
        fds = [stdin, stdout, stderr, writing]
        socket.send_fds(server(args[0], read_once(env)), [json.dumps(task).encode()], fds)
        os.close(writing)
        self.pid = int(self._state.readline())
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *args: Any, **options: Any) -> int | None:
        if self.returncode is None:
            self._take(wait=False)
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        return self._take(wait=not wait_flags)

    def _take(self, wait: bool) -> tuple[int, int]:
        """Return this process and its status as the system says it, (0, 0) while it runs."""
        if not wait and not select.select([self._state], [], [], 0)[0]:
            return 0, 0
        line = self._state.readline()
        if line:
            self._status = int(line)
            self._handle_exitstatus(self._status)  # type: ignore[attr-defined]
        return self.pid, self._status


def _code(args: Sequence[str]) -> list[str]:
    """Return how and what to run, and its arguments: without `-P`."""
    return list(args[2:] if args[1] == "-P" else args[1:])


def read_once(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    names = (name for name in env if name.startswith(READ_ONCE) and name not in READ_EACH_TIME)
    return tuple((name, env[name]) for name in sorted(names))


@cache
def server(python: str, variables: tuple[tuple[str, str], ...]) -> socket.socket:
    """Return what tasks are sent to: a server of `python`, started with these variables."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {k: v for k, v in os.environ.items() if not k.startswith((*READ_ONCE, "PYTEST"))}
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    customized = [folder for folder in folders if Path(folder, "sitecustomize.py").exists()]
    process = subprocess.Popen(
        [python, "-P", str(SERVER), str(theirs.fileno())],
        env={**kept, **dict(variables), "PYTHONPATH": os.pathsep.join(customized)},
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    atexit.register(process.wait)
    atexit.register(process.kill)  # first; what it forked goes on
    return ours
