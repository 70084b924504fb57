"""Read data files of installed packages, which are never imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import lab

SHOWN = 16  # digits of a checksum


@dataclass(frozen=True)
class Content:
    """What a file holds. origin: where it is from, for `Dataset.origin`. notes: that it is another
    one than was looked at, if so."""

    data: bytes
    origin: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A distribution that holds data. version: the one whose checksums are known here. extra: of
    the lab, which brings it; without one it is installed by its own name."""

    name: str
    version: str
    license: str
    extra: str = ""

    def read(self, source: str, path: str, sha256: str) -> Content:
        """Return the file that stands at `path` in the package; `source` is who reads it.

        A file with another checksum is read, and a note says so. Raises NotInstalled where the
        package is not there, UsageError where it holds no such file.
        """
        data, installed = self._data(source, path)
        digest, name = hashlib.sha256(data).hexdigest(), path.rpartition("/")[2]
        origin = f"{self.name} {installed}, {name}, sha256 {digest[:SHOWN]}, {self.license}"
        if digest == sha256:
            return Content(data, origin, ())
        note = f"{name} of {self.name} {installed} is another one than that of {self.version}"
        return Content(data, origin, (f"{note}, which the documentation speaks of",))

    def _data(self, source: str, path: str) -> tuple[bytes, str]:
        """Return the file's bytes, and the version that is installed."""
        try:
            found = distribution(self.name)
        except PackageNotFoundError as error:
            raise lab.NotInstalled(
                f"{source} reads a file of {self.name}: {self._install()}"
            ) from error
        try:
            return locate(found, path).read_bytes(), found.version
        except OSError as error:
            raise lab.UsageError(
                f"{source}: {self.name} {found.version} holds no {path}, which {self.version} "
                f"does: pip install '{self.name}=={self.version}'"
            ) from error

    def _install(self) -> str:
        if not self.extra:
            return f"pip install {self.name}"
        alone = f"pip install --no-deps {self.name}"
        return f"pip install 'rl-gen-lab[{self.extra}]', or just that package: {alone}"


def locate(found: Distribution, path: str) -> Path:
    """Return where a distribution's file lies, by its path in the wheel."""
    return Path(str(found.locate_file(path)))
