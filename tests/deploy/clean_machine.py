"""Runs what Dockerfiles say in folders of its own, where no Docker engine is: their copies, their RUN lines and what
they start, in an environment that holds nothing of the workspace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.deploy.dockerfiles import BASE, SERVICES, Stage, read_dockerfile
from tools.stamps import ROOT
from tools.uv import SYSTEM_CERTIFICATES

_PYTHON_IMAGE = "python:"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandFailedError(Exception):
    """A RUN line ended with another code than 0; the text has its output."""


class CleanMachine:
    """A folder that stands for the file system of an image. Paths of ``/opt``, ``/src`` and ``/var`` lie below it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.home.mkdir(parents=True)
        self._caches = _package_caches()

    def path(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.root / path.lstrip("/")

    def build_stage(self, stage: Stage) -> None:
        """Copy what the stage copies from the context, and run its RUN lines.

        Raises:
            CommandFailedError: with the line's output.
        """
        assert stage.base.startswith(_PYTHON_IMAGE), "only stages on Python's image can be built without an engine"
        python = self.root / f"{stage.name}-python"  # stands for the image's own, into which pip installs
        subprocess.run(["python3", "-m", "venv", python], check=True, capture_output=True)
        work = self.path(stage.single["WORKDIR"])
        work.mkdir(parents=True, exist_ok=True)
        for copy in stage.copies:
            for source in copy.sources:
                _copy_tracked(source, work)
        environment = {**self.environment(stage.environment), "PATH": f"{python}/bin:{_SYSTEM_PATH}", **self._caches}
        for line in stage.runs:
            done = subprocess.run(
                ["sh", "-ec", line], cwd=work, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise CommandFailedError(f"{line}: {(done.stdout + done.stderr)[-3000:]}")

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables of an image with their paths turned into those of this machine, and nothing of this process."""
        moved = {name: self._move(value.replace("$PATH", _SYSTEM_PATH)) for name, value in variables.items()}
        return {"HOME": str(self.home), "LANG": "C.UTF-8", "PATH": _SYSTEM_PATH, **moved}

    def _move(self, value: str) -> str:
        return re.sub(r"(?<![^:=])(?=/(opt|src|var)/)", str(self.root), value)


def build_stages(machine: CleanMachine) -> None:
    """The stage of the base image that installs the packages."""
    machine.build_stage(read_dockerfile(BASE)[0])


def bring_pages(machine: CleanMachine, *, build: bool) -> None:
    """What the portal's image copies from its stage of pages: built as it says, or what `make web` has built."""
    pages, last = read_dockerfile(SERVICES["portal"])
    if build:
        machine.build_stage(pages)
    for copy in last.copies:
        source = machine.path(copy.sources[0])
        if not build:
            is_viewer = copy.sources[0].endswith("/viewer")
            source = next(ROOT.glob(".tools/ohif/*/dist")) if is_viewer else ROOT / "web" / "dist"
        shutil.copytree(source, machine.path(copy.target))


def _copy_tracked(source: str, target: Path) -> None:
    """The files below a path that git knows or would take, as they are now."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", source]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in _existing(listed.split("\0")):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy)


def _existing(names: Iterable[str]) -> list[str]:
    return [name for name in names if name and (ROOT / name).is_file() and "/tests/" not in name]


def _package_caches() -> dict[str, str]:
    """The caches and the index of this machine's user, as a builder has them in its cache mounts."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    found = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(cache / "uv")), "PIP_CACHE_DIR": str(cache / "pip")}
    found["npm_config_cache"] = str(Path.home() / ".npm")
    if SYSTEM_CERTIFICATES.exists():
        found |= {"UV_SYSTEM_CERTS": "1", "PIP_CERT": str(SYSTEM_CERTIFICATES)}
    passed_on = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    return found | {name: os.environ[name] for name in passed_on if name in os.environ}
