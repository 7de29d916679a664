"""Who reaches whom: nothing by default, and of the rest only what each needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from radbridge.cli.services import SERVICES
from tests.deploy.manifests import OVERLAYS, of_kind, pod_specs

pytestmark = pytest.mark.usefixtures("kustomize")
overlays = pytest.mark.parametrize("overlay", OVERLAYS)

Labels = dict[str, str]


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    """A label selector, as far as the policies use them."""
    expressions = selector.get("matchExpressions", ())
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def rules(overlay: str, labels: Labels, direction: str) -> Iterator[dict[str, Any]]:
    """The rules of one direction that hold for a pod."""
    for policy in of_kind(overlay, "NetworkPolicy").values():
        if selects(policy["spec"]["podSelector"], labels):
            yield from policy["spec"].get(direction, ())


def pods(overlay: str) -> dict[str, Labels]:
    return {name.partition("/")[2]: template["metadata"]["labels"] for name, template in pod_specs(overlay)}


def reaches(overlay: str, source: str, target: str, port: int) -> bool:
    """Whether the policies of both sides let one pod of the namespace open a connection to another."""
    labels = pods(overlay)

    def allows(direction: str, end: str, here: str, there: str) -> bool:
        return any(
            any(selects(peer["podSelector"], labels[there]) for peer in rule[end] if peer.keys() == {"podSelector"})
            and port in {one["port"] for one in rule["ports"]}
            for rule in rules(overlay, labels[here], direction)
        )

    return allows("egress", "to", source, target) and allows("ingress", "from", target, source)


@overlays
def test_nothing_is_allowed_by_default(overlay: str) -> None:
    policy = of_kind(overlay, "NetworkPolicy")["deny-all"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@overlays
def test_every_rule_names_peers_and_ports(overlay: str) -> None:
    for name, policy in of_kind(overlay, "NetworkPolicy").items():
        for direction, end in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, ()):
                assert rule[end], name
                assert rule["ports"], name


@overlays
def test_the_front_door_reaches_the_services_and_they_nobody(overlay: str) -> None:
    for one in SERVICES:
        assert not reaches(overlay, one, "front", 8080)
        assert reaches(overlay, "front", one, 8080)
        for other in SERVICES:
            assert not reaches(overlay, one, other, 8080)


def test_services_and_jobs_reach_the_backends_of_the_trial() -> None:
    for service in SERVICES:
        for backend, port in (("kafka", 9092), ("postgres", 5432), ("minio", 9000)):
            assert reaches("trial", service, backend, port)
        assert reaches("trial", f"migrate-{service}", "postgres", 5432)
    assert reaches("trial", "topics", "kafka", 9092)
    assert reaches("trial", "bucket", "minio", 9000)
    assert not reaches("trial", "front", "postgres", 5432)


@overlays
def test_only_the_dicom_port_is_open_to_addresses(overlay: str) -> None:
    for name, labels in pods(overlay).items():
        for rule in rules(overlay, labels, "ingress"):
            if any("ipBlock" in peer for peer in rule["from"]):
                assert (name, [one["port"] for one in rule["ports"]]) == ("dicom-edge", [11112])


@overlays
def test_only_services_that_call_others_reach_the_internet(overlay: str) -> None:
    def leaves(labels: Labels) -> bool:
        return any(
            peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" and {"port": 443} in rule["ports"]
            for rule in rules(overlay, labels, "egress")
            for peer in rule["to"]
        )

    assert {name for name, labels in pods(overlay).items() if leaves(labels)} == {"signing", "notify", "portal"}


@overlays
def test_prometheus_and_the_ingress_reach_every_service(overlay: str) -> None:
    for service in SERVICES:
        namespaces = {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for rule in rules(overlay, pods(overlay)[service], "ingress")
            for peer in rule["from"]
            if "namespaceSelector" in peer
        }
        assert namespaces == {"ingress-nginx", "monitoring"}
