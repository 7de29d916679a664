"""What uv.lock says of the tools that are unpacked rather than installed: version, file, hash."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from tools.stamps import ROOT


@dataclass(frozen=True)
class Wheel:
    """One built file of a locked package."""

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


@cache
def _packages() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    return {package["name"]: package for package in lock["package"]}


def locked_version(package: str) -> str:
    """The version that uv.lock pins."""
    return str(_packages()[package]["version"])


def locked_wheels(package: str) -> list[Wheel]:
    """The wheels that uv.lock lists, for all platforms."""
    return [Wheel(wheel["url"], wheel["hash"].removeprefix("sha256:")) for wheel in _packages()[package]["wheels"]]
