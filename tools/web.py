"""The pages of `web/` and the published build of the OHIF viewer.

Pages go to `web/dist`, the viewer to `.tools/ohif/<version>/dist`: what the package's authors published, less the ONNX
runtime and the source maps (60 MB).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.console import StepError, say
from tools.node import node_environment
from tools.stamps import ROOT, TOOLS, digest, is_fresh, set_stamp
from tools.versions import OHIF

WEB = ROOT / "web"
VIEWER = TOOLS / "ohif" / OHIF / "dist"


def build_pages() -> None:
    """Build `web/dist` from `web/`, unless neither sources nor packages have changed since.

    Raises:
        StepError: npm's output above it ends with the reason.
    """
    if not (WEB / "package.json").exists():
        return
    lock = digest([WEB / "package.json", WEB / "package-lock.json"])
    sources = digest(_sources(), lock)
    built = WEB / "dist" / ".built-from"
    if is_fresh(built, sources):
        return
    installed = WEB / "node_modules" / ".installed-from"
    if not is_fresh(installed, lock):
        say("installing the pages' packages (npm ci)")
        _npm("ci", "--no-audit", "--no-fund")
        set_stamp(installed, lock)
    say("building the pages (npm run build)")
    _npm("run", "--silent", "build")
    set_stamp(built, sources)


def unpack_viewer() -> None:
    """Bring the viewer's published build, once per version.

    Raises:
        StepError: npm cannot bring it.
    """
    if (VIEWER / "index.html").exists():
        return
    say(f"bringing the viewer (@ohif/app {OHIF}) into .tools/")
    VIEWER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VIEWER.parent) as scratch:
        _npm("pack", "--silent", "--pack-destination", scratch, f"@ohif/app@{OHIF}", cwd=Path(scratch))
        unpacked = Path(scratch) / "dist"
        _unpack(next(Path(scratch).glob("*.tgz")), unpacked)
        unpacked.rename(VIEWER)


def _unpack(archive: Path, target: Path) -> None:
    """The regular files below `package/dist/` that are served. (Debian 12's tarfile has no extraction filters.)"""
    with tarfile.open(archive) as package:
        for member in package:
            name = Path(member.name)
            if not member.isfile() or name.parts[:2] != ("package", "dist") or ".." in name.parts:
                continue
            content = package.extractfile(member)
            if name.parts[2] == "ort" or name.suffix == ".map" or content is None:
                continue
            file = target.joinpath(*name.parts[2:])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())


def _sources() -> Iterator[Path]:
    """Every file of `web/` but what is installed or built."""
    for folder, subfolders, files in os.walk(WEB):
        subfolders[:] = [name for name in subfolders if name not in ("node_modules", "dist")]
        yield from (Path(folder) / name for name in files)


def _npm(*words: str, cwd: Path = WEB) -> None:
    environment = node_environment()
    npm = shutil.which("npm", path=environment["PATH"])
    if npm is None:
        raise StepError("npm is missing beside node")
    done = subprocess.run([npm, *words], cwd=cwd, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise StepError(f"npm {words[0]} failed\n{done.stdout}")
