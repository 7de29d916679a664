"""Dockerfiles as data: their stages with the instructions in order."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from tools.stamps import ROOT

BASE = ROOT / "deploy" / "docker" / "Dockerfile"
SERVICES = {path.parent.name: path for path in sorted(ROOT.glob("services/*/Dockerfile"))}
_FLAG = re.compile(r"--[a-z-]+=\S+\s+")


@dataclass(frozen=True)
class Copy:
    """One COPY; ``stage`` is the stage it copies from, empty for the context."""

    sources: tuple[str, ...]
    target: str
    stage: str = ""


@dataclass
class Stage:
    """One stage of a Dockerfile."""

    base: str
    name: str
    environment: dict[str, str] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    single: dict[str, str] = field(default_factory=dict)
    """The last value of each other instruction."""

    def words(self, instruction: str) -> list[str]:
        """The words of an instruction in exec form, such as CMD; empty where there is none."""
        return json.loads(self.single[instruction]) if instruction in self.single else []


def read_dockerfile(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    stages: list[Stage] = []
    for line in _instructions(path.read_text()):
        instruction, _, value = line.partition(" ")
        if instruction == "FROM":
            base, *name = value.split()
            stages.append(Stage(base, name[-1] if name else ""))
            continue
        stage = stages[-1]
        if instruction == "ENV":
            stage.environment |= dict(word.split("=", 1) for word in shlex.split(value))
        elif instruction == "COPY":
            source_stage = re.match(r"--from=(\S+)", value)
            *sources, target = _FLAG.sub("", value).split()
            stage.copies.append(Copy(tuple(sources), target, source_stage.group(1) if source_stage else ""))
        elif instruction == "RUN":
            stage.runs.append(_FLAG.sub("", value).strip())
        else:
            stage.single[instruction] = value
    return stages


def image_environment(service: str) -> dict[str, str]:
    """What the image of a service (or ``base``) sets."""
    stages = [read_dockerfile(BASE)[-1]]
    if service != "base":
        stages.append(read_dockerfile(SERVICES[service])[-1])
    return {name: value for stage in stages for name, value in stage.environment.items()}


def image_command(service: str) -> list[str]:
    """What the image of a service runs, without the entry point."""
    return read_dockerfile(SERVICES[service])[-1].words("CMD")


def _instructions(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [re.sub(r"\s+", " ", line) for line in "\n".join(lines).replace("\\\n", " ").splitlines()]
