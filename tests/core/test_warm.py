"""A warm child does what a python does that starts anew (see `warm.py`)."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import helpers
import pytest
from warm import Warm, serves

PROGRAMS = {
    "arguments and paths": "import sys, os; print(sys.argv, sys.path, os.getcwd())",
    "environment": "import os; print(sorted(os.environ.items()))",
    "name": "import sys; print(__name__, vars(sys.modules['__main__'])['sys'] is sys)",
    "input": "import sys; print(sys.stdin.read())",
    "errors": "import sys; print('here', file=sys.stderr); sys.exit('and there')",
    "exit code": "import sys; sys.exit(7)",
    "exit functions": "import atexit; atexit.register(print, 'at last')",
    "unwritten files": "file = open('written', 'w'); file.write('all of it')",
    "threads": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.1), print('waited for'))).start()",
    "signals": "import signal\nprint([(n, signal.getsignal(n)) for n in signal.valid_signals()\n"
    "if signal.getsignal(n) is not signal.default_int_handler])",
    "open files": "import os; print(os.listdir('/proc/self/fd'))",
    "buffers": "import sys; print(*[(s.encoding, s.errors, s.line_buffering, s.isatty())\n"
    "for s in (sys.stdin, sys.stdout, sys.stderr)])",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "interrupted": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "computing": "import torch; torch.manual_seed(3)\n"
    "print(torch.get_num_threads(), torch.randn(9, 9).mm(torch.randn(9, 9)).sum().item())",
    "plugins": "from lab.plugins import discover; print(sorted(p.name for p in discover().all))",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=list(PROGRAMS))
@pytest.mark.skipif(sys.platform != "linux", reason="children are warm on Linux alone")
def test_it_does_what_a_new_python_does(site, tmp_path, program) -> None:
    env = helpers.child_environment(site, CALLED="by name")
    words, seen = [sys.executable, "-c", program, "one", "two"], []
    for kind in (subprocess.Popen, Warm):
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        child = kind(words, cwd=tmp_path, env=env, text=True, **pipes)
        out, err = child.communicate("what was typed", timeout=helpers.LONG)
        files = [(path.name, path.read_text()) for path in tmp_path.iterdir()]
        seen.append((child.returncode, out, err.splitlines()[-1:], files))
        for path in tmp_path.iterdir():
            path.unlink()
    assert seen[0] == seen[1]


def test_it_imports_the_lab_and_its_plugins_itself(tmp_path) -> None:
    code = "import sys; print(*[n for n in sys.modules if n.startswith(('lab', 'wandb', 'tests'))])"
    env = helpers.child_environment()
    assert helpers.run_child([sys.executable, "-c", code], tmp_path, env, warm=True).stdout == "\n"


def test_it_finds_what_was_installed_meanwhile(tmp_path) -> None:
    env = helpers.child_environment(tmp_path)
    words = helpers.lab_command("plugins")
    assert "late" not in helpers.run_child(words, tmp_path, env, warm=True).stdout
    (tmp_path / "late.py").write_text("")
    helpers.distribution(tmp_path, "late", {"late": "late"})
    assert "late" in helpers.run_child(words, tmp_path, env, warm=True).stdout


def test_it_leaves_its_session_and_its_folder_where_it_is_told_to(tmp_path) -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), '' in sys.path)"
    for words, told in (([], "False True"), (["-P"], "False False")):
        for kind in (subprocess.Popen, Warm):
            for alone in (False, True):
                child = kind(
                    [sys.executable, *words, "-c", code], cwd=tmp_path, text=True,
                    env=helpers.child_environment(), stdout=subprocess.PIPE,
                    start_new_session=alone,
                )  # fmt: skip
                out, _ = child.communicate(timeout=helpers.LONG)
                assert out.strip() == told.replace("False", str(alone), 1)


def test_each_draws_other_numbers(tmp_path) -> None:
    code = "import random, numpy, uuid; print(random.random(), numpy.random.rand(), uuid.uuid4())"
    env, words = helpers.child_environment(), [sys.executable, "-c", code]
    a, b = (helpers.run_child(words, tmp_path, env, warm=True).stdout.split() for _ in "ab")
    assert not set(a) & set(b)


def test_it_is_waited_for_and_ended_as_any_process() -> None:
    code = "import time; time.sleep(600)"
    child = helpers.start_warm([sys.executable, "-c", code], env=helpers.child_environment())
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.1)
    child.send_signal(signal.SIGTERM)
    assert child.wait(helpers.LONG) == child.poll() == -signal.SIGTERM


def test_what_is_read_at_the_start_of_a_process_gets_a_new_one() -> None:
    words = [sys.executable, "-c", ""]
    assert serves(words, helpers.child_environment()) is (sys.platform == "linux")
    for name in ("OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY", "PYTHONHASHSEED", "LC_ALL"):
        assert not serves(words, helpers.child_environment(**{name: "2"}))
