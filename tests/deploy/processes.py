"""Every process of ours that a deployment starts: its command, its environment, and the settings it would read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from radbridge.cli.services import SERVICES
from radbridge.contracts.routes import ROUTES
from radbridge.runtime.front import upstream_variable
from radbridge.runtime.host.proxy import FrontSettings
from radbridge.runtime.settings import (
    DatabaseSettings,
    EnvironmentSettings,
    EventLogSettings,
    RuntimeSettings,
    environment_variables,
    variable_of,
)
from tests.deploy.dockerfiles import image_command
from tests.deploy.manifests import OVERLAYS, compose, image_name, is_ours, of_kind, pod_specs


@dataclass(frozen=True)
class Process:
    """One process as a deployment starts it. ``files`` are its secrets: path to name of the file that was made."""

    where: str
    command: tuple[str, ...]
    environment: dict[str, str]
    files: dict[str, str]

    def __str__(self) -> str:
        return self.where


def all_processes() -> list[Process]:
    """The processes of compose and of both overlays."""
    return [*_of_compose(), *(process for overlay in OVERLAYS for process in _of_overlay(overlay))]


def settings_of(command: tuple[str, ...]) -> list[type[EnvironmentSettings]]:
    """The settings classes that a command loads."""
    match command:
        case ("serve", "front"):
            return [FrontSettings]
        case ("serve", service):
            return [RuntimeSettings, *settings_of_service(service)]
        case ("migrate", _):
            return [DatabaseSettings]
        case ("topics",):
            return [EventLogSettings]
    raise AssertionError(f"radbridge {' '.join(command)}: the tests do not know what it reads")


def settings_of_service(service: str) -> list[type[EnvironmentSettings]]:
    """A service's own settings classes; none where it has no settings module."""
    module = SERVICES[service].replace(".main", ".settings")
    if find_spec(module) is None:
        return []
    members = inspect.getmembers(import_module(module), inspect.isclass)
    return [one for _, one in members if issubclass(one, EnvironmentSettings) and one.__module__ == module]


def known_variables(command: tuple[str, ...]) -> frozenset[str]:
    """Every variable that a command reads."""
    known = frozenset().union(*(environment_variables(one) for one in settings_of(command)))
    return known | upstreams() if command == ("serve", "front") else known


def required_variables(command: tuple[str, ...]) -> frozenset[str]:
    """Every variable that a command does not start without (as it is or as ``…_FILE``)."""
    required = frozenset(
        variable_of(one, name)
        for one in settings_of(command)
        for name, field in one.model_fields.items()
        if field.is_required()
    )
    return required | upstreams() if command == ("serve", "front") else required


def upstreams() -> frozenset[str]:
    """The front door's variables, one for each service of the route table."""
    return frozenset(upstream_variable(route.service) for route in ROUTES)


def _of_compose() -> Iterator[Process]:
    project = compose()
    for name, service in project["services"].items():
        if is_ours(service["image"]):
            command = service.get("command") or image_command(image_name(service["image"]))
            secrets = service.get("secrets", ())
            files = {f"/run/secrets/{one}": project["secrets"][one]["file"].rpartition("/")[2] for one in secrets}
            environment = {key: str(value) for key, value in service.get("environment", {}).items()}
            yield Process(f"compose {name}", tuple(command), environment, files)


def _of_overlay(overlay: str) -> Iterator[Process]:
    maps = of_kind(overlay, "ConfigMap")
    for name, template in pod_specs(overlay):
        for container in template["spec"]["containers"]:
            if is_ours(container["image"]):
                command = container.get("args") or image_command(image_name(container["image"]))
                environment = _environment(container, maps)
                yield Process(f"{overlay} {name}", tuple(command), environment, _files(template["spec"], container))


def _environment(container: dict[str, Any], maps: dict[str, dict[str, Any]]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        environment |= maps[source["configMapRef"]["name"]]["data"]
    for variable in container.get("env", ()):
        if "value" in variable:
            environment[variable["name"]] = variable["value"]
        else:
            reference = variable["valueFrom"]["configMapKeyRef"]
            environment[variable["name"]] = maps[reference["name"]]["data"][reference["key"]]
    return environment


def _files(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    files: dict[str, str] = {}
    for mount in container.get("volumeMounts", ()):
        secret = volumes.get(mount["name"], {}).get("secret")
        if secret is not None:
            items = secret.get("items") or [{"key": key, "path": key} for key in PLATFORM_SECRET]
            files |= {f"{mount['mountPath']}/{item['path']}": item["key"] for item in items}
    return files


PLATFORM_SECRET = ("vault.key", "admin.token", "s3.url")
"""Keys of the secret that is mounted whole (docs/operating/install.md says how it is made)."""
