"""The pages' own checks: types, lint and the tests of their logic."""

import shutil
import subprocess

import pytest

from tools.node import node_environment
from tools.web import WEB


def test_types_lint_and_logic() -> None:
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the pages' packages are not installed (make web)")
    environment = node_environment()
    npm = shutil.which("npm", path=environment["PATH"])
    assert npm is not None
    done = subprocess.run(
        [npm, "run", "--silent", "check"],
        cwd=WEB,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
