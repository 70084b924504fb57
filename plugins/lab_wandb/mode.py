"""Decide whether W&B is reached online, offline or not at all, without asking anybody."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import lab

Mode = Literal["online", "offline", "disabled"]
Flag = Literal["auto", "online", "offline", "disabled"]
Key = Literal["found", "missing", "invalid"]

DEFAULT_HOST = "https://api.wandb.ai"

_MODES: dict[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}


def resolve_mode(flag: Flag, environ: Mapping[str, str] = os.environ) -> Mode:
    """Return the mode: `flag` unless it is auto, then WANDB_MODE, then what `wandb offline` left,
    then online where a key is found, and offline where none is.

    Raises UsageError where WANDB_MODE is no mode. Imports wandb only to look for a key.
    """
    if flag != "auto":
        return flag
    named = environ.get("WANDB_MODE", "")
    if named:
        return _parse(named)
    mode, key, _ = _look(environ)
    return mode if mode != "online" or key == "found" else "offline"


def has_key(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a key is at hand, by the environment and `~/.netrc` alone: where a run has let
    go of wandb, nothing of it may be opened again."""
    return _look_plainly(environ)[1] == "found"


def probe(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return what a doctor would ask: version, the mode of `auto`, whether there is a key, host."""
    mode: str
    try:
        mode = resolve_mode("auto", environ)
    except lab.UsageError as error:
        mode = f"invalid: {error}"
    _, key, host = _look(environ)
    return {"version": _version(), "mode": mode, "key": key, "host": host}


@contextmanager
def unreported() -> Iterator[None]:
    """Keep wandb from reporting errors home, which costs a name look-up even offline."""
    name = "WANDB_ERROR_REPORTING"
    absent = name not in os.environ
    os.environ.setdefault(name, "false")
    try:
        yield
    finally:
        if absent:
            os.environ.pop(name, None)


def _parse(named: str) -> Mode:
    try:
        return _MODES[named.lower()]
    except KeyError:
        raise lab.UsageError(
            f"WANDB_MODE is {named!r}; it can be online, offline or disabled."
        ) from None


def _look(environ: Mapping[str, str]) -> tuple[Mode, Key, str]:
    """Return the mode that wandb's settings ask for, the state of the key, and the host."""
    if environ is os.environ:
        # Private functions: whatever a new version raises, the plain way is left.
        with unreported(), suppress(Exception):
            from lab_wandb.internals.session import settings_and_key

            mode, host, key = settings_and_key()
            return _MODES.get(mode, "online"), key, _without_user(host)
    return _look_plainly(environ)


def _look_plainly(environ: Mapping[str, str]) -> tuple[Mode, Key, str]:
    host = environ.get("WANDB_BASE_URL", DEFAULT_HOST)
    named = environ.get("WANDB_API_KEY") or environ.get("WANDB_IDENTITY_TOKEN_FILE")
    key: Key = "found" if named or _in_netrc(environ, host) else "missing"
    return "online", key, _without_user(host)


def _in_netrc(environ: Mapping[str, str], host: str) -> bool:
    home = Path(environ.get("HOME", "~")).expanduser()
    path = Path(environ.get("NETRC", home / ".netrc")).expanduser()
    try:
        return netrc.netrc(path).authenticators(urlsplit(host).netloc) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wandb")
    except PackageNotFoundError:
        return None
