"""``docker-compose.yml`` and the built overlays as data."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.stamps import ROOT, TEST_SERVERS
from tools.versions import KUSTOMIZE

COMPOSE = ROOT / "docker-compose.yml"
K8S = ROOT / "deploy" / "k8s"
OVERLAYS = ("trial", "production")
KUSTOMIZE_PROGRAM = TEST_SERVERS / f"kustomize-{KUSTOMIZE}" / "kustomize"

Object = dict[str, Any]


@cache
def compose() -> Object:
    """The compose file, with the defaults of its variables."""
    text = re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found.group(1) or "", COMPOSE.read_text())
    return yaml.safe_load(text.replace("$$", "$"))


@cache
def built(overlay: str) -> str:
    """What ``kustomize build`` makes of an overlay, as text."""
    done = subprocess.run(
        [KUSTOMIZE_PROGRAM, "build", K8S / "overlays" / overlay],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUSTOMIZE_PLUGIN_HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def objects(overlay: str) -> list[Object]:
    """The objects of an overlay."""
    return list(yaml.safe_load_all(built(overlay)))


def of_kind(overlay: str, *kinds: str) -> dict[str, Object]:
    """The objects of these kinds by name."""
    return {found["metadata"]["name"]: found for found in objects(overlay) if found["kind"] in kinds}


def pod_specs(overlay: str) -> Iterator[tuple[str, Object]]:
    """Name and pod template of every workload."""
    for kind in ("Deployment", "StatefulSet", "Job"):
        for name, found in of_kind(overlay, kind).items():
            yield f"{kind}/{name}", found["spec"]["template"]


def is_ours(image: str) -> bool:
    """Whether an image is one of this repository's."""
    return "radbridge/" in image


def image_name(image: str) -> str:
    """``mpi`` of ``registry.example.org/radbridge/mpi:0.1.0``."""
    return Path(image).name.partition(":")[0]
