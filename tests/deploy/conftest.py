"""What the tests of the deployment share: secrets as an installation has them, and the overlays' builder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.manifests import KUSTOMIZE_PROGRAM
from tools.stamps import ROOT


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``deploy/make-secrets`` fills."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run([ROOT / "deploy" / "make-secrets", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def kustomize() -> Path:
    """The program that builds the overlays."""
    if not KUSTOMIZE_PROGRAM.exists():
        pytest.skip("kustomize is not installed (make test installs it)")
    return KUSTOMIZE_PROGRAM
