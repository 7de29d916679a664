"""uv, in a place of its own: a machine's own one where it is new enough, else the version that uv.lock pins.

The system's Python may be externally managed, without pip, venv and ensurepip: pip is used where there is one (it knows
the site's index, proxy and certificates), else the wheel is downloaded and unpacked here. Standard library only.
"""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.console import StepError, say
from tools.index import IndexAnswerError, configured_index, download
from tools.lock import locked_version, locked_wheels
from tools.stamps import TOOLS

UV = TOOLS / "bin" / "uv"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Holds the site's own authorities too, which uv and Node do not look for by themselves."""
_AT_LEAST = (0, 9)


def ensure_uv() -> Path:
    """Path of a uv that can read uv.lock, installed below .tools/ where there is none.

    Raises:
        StepError: it can be had in no way; the message lists what was tried.
    """
    if _version(UV) >= _AT_LEAST:
        return UV
    UV.parent.mkdir(parents=True, exist_ok=True)
    UV.unlink(missing_ok=True)
    own = shutil.which("uv")
    if own and _version(Path(own)) >= _AT_LEAST:
        UV.symlink_to(own)
        return UV
    say(f"installing uv {locked_version('uv')} into .tools/")
    with tempfile.TemporaryDirectory(dir=TOOLS) as scratch:
        shutil.move(_install(Path(scratch)), UV)
    UV.chmod(0o755)
    return UV


def uv_environment() -> dict[str, str]:
    """Environment for uv: the system's Python only, the system's certificates where it has some."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    if SYSTEM_CERTIFICATES.exists():
        environment.setdefault("UV_SYSTEM_CERTS", "1")
    return environment


def install_package(package: str, target: Path) -> None:
    """Unpack the locked version of a package, without its dependencies, into a folder of its own.

    Raises:
        StepError: uv's output ends with the reason.
    """
    argv = [str(ensure_uv()), "pip", "install", "-q", "--no-deps", "--python", sys.executable]
    if index := configured_index():
        argv += ["--index-url", index]
    shutil.rmtree(target, ignore_errors=True)
    argv += ["--target", str(target), f"{package}=={locked_version(package)}"]
    if subprocess.run(argv, env=uv_environment(), check=False).returncode:
        shutil.rmtree(target, ignore_errors=True)
        raise StepError(f"{package} could not be installed")


def _version(uv: Path) -> tuple[int, ...]:
    if not uv.exists():
        return ()
    done = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return tuple(int(part) for part in words[1].split(".") if part.isdigit()) if len(words) > 1 else ()


def _install(scratch: Path) -> Path:
    tried: list[str] = []
    for pip in _pips(scratch):
        target = scratch / "target"
        words = (
            f"install -q --no-deps --only-binary :all: --disable-pip-version-check uv=={locked_version('uv')}".split()
        )
        done = subprocess.run([*pip, *words, "--target", target], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return target / "bin" / "uv"
        tried.append(f"{' '.join(pip)}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    try:
        return _unpack(scratch)
    except (OSError, IndexAnswerError) as error:
        tried.append(f"download of the wheel: {error}")
    raise StepError("uv cannot be installed:\n  " + "\n  ".join(tried))


def _pips(scratch: Path) -> Iterator[list[str]]:
    """The system's pip, then the one of a fresh environment, as far as Debian's packages for them are there."""
    if _runs([sys.executable, "-m", "pip", "--version"]):
        yield [sys.executable, "-m", "pip"]
    if _runs([sys.executable, "-m", "venv", str(scratch / "venv")]):
        yield [str(scratch / "venv" / "bin" / "python"), "-m", "pip"]


def _runs(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _unpack(scratch: Path) -> Path:
    system = "macosx" if sys.platform == "darwin" else "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    for wheel in locked_wheels("uv"):
        if system in wheel.file_name and f"_{platform.machine()}." in wheel.file_name:
            with zipfile.ZipFile(io.BytesIO(download(wheel))) as archive:
                name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
                return Path(archive.extract(name, scratch))
    raise IndexAnswerError(f"no wheel for {system} on {platform.machine()}")
