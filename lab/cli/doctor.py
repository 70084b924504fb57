"""`lab doctor`: find what would go wrong before it does."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import click

from lab.cli import common, output
from lab.plugins import Plugins, discover
from lab.spec import Finding


@click.command("doctor", short_help="Check this installation.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(runs_dir: Path, as_json: bool) -> None:
    """Check versions, devices, threads, plugins, what these look after, and the runs folder."""
    with redirect_stdout(sys.stderr):  # a library that is looked at may print a greeting
        findings = _findings(runs_dir)
    if as_json:
        output.print_json([vars(finding) for finding in findings])
    else:
        output.print_pairs(
            [(f.name, f.state + (f"  PROBLEM: {f.hint}" if f.hint else "")) for f in findings]
        )
    sys.exit(1 if any(finding.hint for finding in findings) else 0)


def _findings(runs_dir: Path) -> list[Finding]:
    plugins = discover()
    findings = [*_versions(), *_devices(), *_plugins(plugins), *plugins.findings()]
    return [*findings, _rendering(), _folder(runs_dir)]


def _versions() -> list[Finding]:
    from lab.storage.provenance import versions

    return [Finding(name, version) for name, version in versions().items()]


def _devices() -> list[Finding]:
    from lab.compute import device

    devices = device.available()
    policy = os.environ.get("OMP_WAIT_POLICY", "not set; the lab sets it to passive")
    return [
        Finding("devices", ", ".join(devices)),
        Finding("CPU cores", str(os.cpu_count())),
        Finding("OMP_WAIT_POLICY", policy),
    ]


def _plugins(plugins: Plugins) -> list[Finding]:
    return [Finding(f"plugin {p.name}", p.status, p.error) for p in plugins.all]


def _rendering() -> Finding:
    try:
        import pygame  # noqa: F401
    except ImportError:
        return Finding("rendering", "no", "videos need pygame: pip install pygame-ce")
    return Finding("rendering", "pygame")


def _folder(runs_dir: Path) -> Finding:
    where = runs_dir if runs_dir.exists() else Path()
    free = shutil.disk_usage(where).free / 1024**3
    value = f"{runs_dir.absolute()}, {free:.1f} GiB free"
    try:
        with tempfile.TemporaryFile(dir=where):
            pass
    except OSError as error:
        return Finding("runs folder", value, f"not writable: {error.strerror}")
    return Finding("runs folder", value, "under 1 GiB is free" if free < 1 else "")
