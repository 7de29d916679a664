"""The ingress is the route table, and what stays inside is not on it."""

from __future__ import annotations

from typing import Any

import pytest

from radbridge.contracts.routes import ROUTES, service_for
from radbridge.runtime.settings import RuntimeSettings
from tests.deploy.manifests import OVERLAYS, of_kind

pytestmark = pytest.mark.usefixtures("kustomize")
overlays = pytest.mark.parametrize("overlay", OVERLAYS)

_NGINX = "nginx.ingress.kubernetes.io/"
_CLOSED = "radbridge-closed"


def paths(ingress: dict[str, Any]) -> dict[str, str]:
    """Path to service; every path of ours is a prefix of whole segments, as in the route table."""
    found = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert {path["pathType"] for path in found} == {"Prefix"}
    return {path["path"]: path["backend"]["service"]["name"] for path in found}


def annotation(ingress: dict[str, Any], name: str) -> str:
    return ingress["metadata"]["annotations"].get(_NGINX + name, "")


@overlays
def test_every_route_is_on_it(overlay: str) -> None:
    table = {route.prefix: route.service for route in ROUTES}
    open_paths: dict[str, str] = {}
    for name, ingress in of_kind(overlay, "Ingress").items():
        if name != _CLOSED:
            assert not open_paths.keys() & paths(ingress).keys(), "a path stands twice"
            open_paths |= paths(ingress)
    assert {prefix: open_paths.get(prefix) for prefix in table} == table
    for prefix in open_paths.keys() - table.keys():
        assert open_paths[prefix] == service_for(prefix), prefix


@overlays
def test_every_host_has_every_path(overlay: str) -> None:
    hosts = {rule["host"] for ingress in of_kind(overlay, "Ingress").values() for rule in ingress["spec"]["rules"]}
    assert len(hosts) == 1


@overlays
def test_metrics_and_probes_are_closed(overlay: str) -> None:
    closed = of_kind(overlay, "Ingress")[_CLOSED]
    assert paths(closed) == {"/metrics": "front", "/healthz": "front", "/readyz": "front"}
    assert annotation(closed, "whitelist-source-range") == "127.0.0.1/32"


@overlays
def test_bodies_have_the_limit_of_the_services_but_for_stow(overlay: str) -> None:
    limit = RuntimeSettings.model_fields["body_limit_bytes"].default
    for name, ingress in of_kind(overlay, "Ingress").items():
        if "/dicom-web" in paths(ingress):
            assert paths(ingress).keys() == {"/dicom-web"}, "no other path may go without limit"
            assert annotation(ingress, "proxy-body-size") == "0"
            assert annotation(ingress, "proxy-request-buffering") == "off"
        elif name != _CLOSED:
            assert annotation(ingress, "proxy-body-size") == f"{limit >> 20}m"


@overlays
def test_events_are_passed_on_at_once_and_for_long(overlay: str) -> None:
    for ingress in of_kind(overlay, "Ingress").values():
        if "/api/portal" in paths(ingress):
            assert annotation(ingress, "proxy-buffering") == "off"
            assert int(annotation(ingress, "proxy-read-timeout")) >= 3600
            return
    pytest.fail("no ingress for the portal's events")


def test_production_is_reached_by_https_alone() -> None:
    for name, ingress in of_kind("production", "Ingress").items():
        hosts = [rule["host"] for rule in ingress["spec"]["rules"]]
        assert ingress["spec"]["tls"] == [{"hosts": hosts, "secretName": "radbridge-tls"}], name
        assert annotation(ingress, "ssl-redirect") == "true"
