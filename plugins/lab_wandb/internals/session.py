"""Hold this process's one connection to wandb-core, and let it go without waiting for it."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LogCapture:
    """What wandb would print: warnings go to `warn`, each once; the rest goes nowhere."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._seen: set[str] = set()
        self._held: list[str] | None = None

    def info(self, _: str) -> None: ...

    def warning(self, message: str) -> None:
        text = " ".join(ANSI.sub("", message).split())
        for prefix in ("wandb:", "WARNING", "ERROR"):
            text = text.removeprefix(prefix).lstrip()
        if text in self._seen:
            return
        self._seen.add(text)
        if self._held is None:
            self._warn(text)
        else:
            self._held.append(text)

    error = warning

    @property
    def upload_failed(self) -> bool:
        """Whether wandb warned that something is only on the disk, which raises nothing."""
        return any("wandb sync" in text for text in self._seen)

    @contextmanager
    def held(self) -> Iterator[list[str]]:
        """Hold warnings back in a list, and issue what is left of it at the end."""
        held: list[str] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None
        for line in held:
            self._warn(line)


class Session:
    """The process-wide state of wandb, as long as one tracker needs it."""

    def __init__(self, wandb: Any, voice: LogCapture) -> None:
        self._wandb = wandb
        self._voice = voice
        # Not ours to tear down where the user, or another run, has it open.
        self._owned = _core() is None
        self._previous = {} if self._owned else _loudness(wandb)

    def open(self) -> None:
        """Set what holds for the process. Silent also means that wandb never prompts."""
        # Without this the first request is about the user, and init_timeout does not bound it.
        settings = self._wandb.Settings(x_disable_viewer=True, silent=True)
        self._wandb.setup(settings=settings)
        self._wandb.termsetup(settings, self._voice)

    def reopen(self) -> None:
        """Start afresh: wandb-core does not forget a run that failed to begin."""
        if _active_runs(self._wandb):
            raise RuntimeError("W&B refused the run, and other runs of this process are using it")
        self._teardown()
        self.open()

    def close(self) -> None:
        """Restore the previous state."""
        if not self._owned:
            settings = self._wandb.setup().settings
            settings.update_from_dict(self._previous)
            self._wandb.termsetup(settings, None)
        elif not _active_runs(self._wandb):
            self._teardown()

    def finish(self, run: Any, exit_code: int, seconds: float) -> None:
        """Finish a run. Raises TimeoutError where it takes longer, and ends wandb-core then.

        W&B's own limit holds once all before it was sent; an artifact that the server does not
        take keeps it from beginning.
        """
        errors: list[Exception] = []

        def work() -> None:
            try:
                run.finish(exit_code)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=work, name="wandb-finish", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            self.cut(run)
            raise TimeoutError
        for error in errors:
            raise error

    def drop(self) -> None:
        """Restore the previous state, without waiting for any pending answer."""
        if self._owned:
            self.cut(None)
        else:
            self.close()

    def cut(self, run: Any) -> None:
        """End wandb-core at once, so that nothing waits for it; spare the runs of others."""
        # Its thread would otherwise die of the lost connection with a traceback on the screen.
        with suppress(Exception):
            run._run_status_checker.stop()
        if any(active is not run for active in _active_runs(self._wandb)):
            return
        process = core_process()
        if process is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                process.kill()
                process.wait(1)
        self._teardown()

    def _teardown(self) -> None:
        work = _background_work()
        # The first call after the death of wandb-core raises, and has done its work, but for one
        # thread that would wait for ever.
        with suppress(Exception, SystemExit):
            self._wandb.teardown()
        with suppress(AttributeError):
            work._runner.cancel()


def _loudness(wandb: Any) -> dict[str, Any]:
    settings = wandb.setup().settings
    return {"silent": settings.silent, "x_disable_viewer": settings.x_disable_viewer}


def core_process() -> Any | None:
    """Return the wandb-core process that this process started, if any."""
    process = getattr(getattr(_core(), "_proc", None), "_process", None)
    return process if hasattr(process, "kill") else None


def _core() -> Any | None:
    with suppress(ImportError, AttributeError):
        from wandb.sdk import wandb_setup

        return getattr(wandb_setup._singleton, "_connection", None)
    return None


def _background_work() -> Any:
    """Return what runs wandb's tasks on a thread."""
    with suppress(ImportError, AttributeError):
        from wandb.sdk import wandb_setup

        return getattr(wandb_setup._singleton, "_asyncer", None)
    return None


def _active_runs(wandb: Any) -> list[Any]:
    with suppress(AttributeError):
        return list(getattr(wandb.sdk.wandb_setup._singleton, "_active_runs", []))
    return []


def settings_and_key() -> tuple[str, str, Literal["found", "missing", "invalid"]]:
    """Return the mode and the host that wandb's settings have, and whether there is a key for it:
    no network, no prompt, no child process."""
    from wandb.errors import AuthenticationError
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    settings = wandb_setup.singleton().settings
    host = str(settings.base_url)
    try:
        auth = wbauth.authenticate_session(
            host=host, source="lab", prompt=False, verify=False, update_session=False
        )
    except AuthenticationError:
        return str(settings.mode), host, "invalid"
    return str(settings.mode), host, "found" if auth else "missing"


def connect(timeout: float) -> Any:
    """Return what `wandb.Api` asks its questions through. It would wait for the server, without an
    end, and it asks fixed questions only."""
    from wandb.apis.public.service_api import ServiceApi
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    settings = wandb_setup.singleton().settings.model_copy()
    auth = wbauth.authenticate_session(
        host=settings.base_url, source="lab", prompt=False, verify=False, update_session=False
    )
    wbauth.set_auth_settings(settings, auth)
    return ServiceApi(settings, timeout=timeout)


def execute(api: Any, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the server by GraphQL. Raises whatever goes wrong."""
    answer: dict[str, Any] = api.execute_graphql(query, variables)
    return answer


def app_url(api: Any) -> str:
    """Return the address of the pages that people see, with a slash at its end."""
    return str(api.app_url)


def http_status(error: BaseException) -> int | None:
    """Return the status that the server answered with, if it answered."""
    return getattr(getattr(error, "response", None), "http_status", None) or None


@contextmanager
def staging_in(folder: Path) -> Iterator[None]:
    """Let W&B copy what it will upload into `folder`, and not into the home folder."""
    name = "WANDB_DATA_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def log_artifact(run: Any, artifact: Any, aliases: Sequence[str] = (), input: bool = False) -> None:
    """Log an artifact as what the run made, or as what it reads, and wait for nobody.

    The public functions ask the server first, `use_artifact` is for online runs only, and what
    they log online does not stand in the transaction log, so that it could be uploaded later.
    """
    artifact, named = run._prepare_artifact(artifact, None, None, list(aliases))
    run._interface.publish_artifact(
        run, artifact, named, None, is_user_created=input, use_after_commit=input
    )
