"""From a Python and a clone to everything a command needs. Standard library only; run by the Makefile.

    python3 -m tools.bootstrap run     what the suite needs to run: uv, the workspace, the pages, the viewer
    python3 -m tools.bootstrap test    the same with the developers' tools and the test servers
    python3 -m tools.bootstrap lint    uv and the workspace with the developers' tools
    python3 -m tools.bootstrap web     the pages and the viewer

Each part is skipped while what it is made from has not changed.
"""

from __future__ import annotations

import subprocess
import sys

from tools.console import StepError, main, say
from tools.stamps import ROOT, digest, is_fresh, set_stamp
from tools.uv import ensure_uv, uv_environment
from tools.web import build_pages, unpack_viewer


def sync_workspace(*, with_dev: bool) -> None:
    """Install the locked packages and the workspace's own into .venv; a stamp with the developers' tools serves both.

    Raises:
        StepError: uv's output above it ends with the reason.
    """
    projects = [ROOT / "pyproject.toml", *ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")]
    inputs = digest([ROOT / "uv.lock", *projects])
    venv = ROOT / ".venv"
    full, lean = venv / ".synced-with-dev", venv / ".synced"
    uv = ensure_uv()
    if is_fresh(full, inputs) or (not with_dev and is_fresh(lean, inputs)):
        return
    say("installing the workspace into .venv (uv sync)")
    argv = [str(uv), "sync", "--frozen", "--quiet"]
    if not with_dev:
        argv += ["--no-dev", "--inexact"]
    if not (venv / "bin" / "python").exists():
        argv += ["--python", sys.executable]
    if subprocess.run(argv, cwd=ROOT, env=uv_environment(), check=False).returncode:
        raise StepError("uv sync failed")
    set_stamp(full if with_dev else lean, inputs)


def bootstrap(arguments: list[str]) -> None:
    """Do what the target named by the first argument needs."""
    target = arguments[0] if arguments else "run"
    if target in ("run", "test", "lint"):
        sync_workspace(with_dev=target != "run")
    if target in ("run", "test", "web"):
        build_pages()
        unpack_viewer()
    if target == "test":
        from tools.install_test_servers import install_test_servers

        install_test_servers()


if __name__ == "__main__":
    main(bootstrap)
