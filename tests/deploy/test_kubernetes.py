"""The overlays are valid Kubernetes and keep the rules that a cluster cannot check."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from radbridge.cli.services import SERVICES
from radbridge.contracts.topics import TOPICS, Retention
from tests.deploy.manifests import K8S, OVERLAYS, built, compose, is_ours, of_kind, pod_specs
from tests.deploy.meters import known_meters
from tools.stamps import ROOT

pytestmark = pytest.mark.usefixtures("kustomize")
overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@overlays
def test_it_is_valid(overlay: str, tmp_path: Path) -> None:
    assert validate(built(overlay), tmp_path) == ""


def test_a_field_that_does_not_exist_is_found(tmp_path: Path) -> None:
    assert "readinesProbe" in validate(built("trial").replace("readinessProbe", "readinesProbe"), tmp_path)


@overlays
def test_pods_have_no_privileges(overlay: str) -> None:
    for name, template in pod_specs(overlay):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] >= 999, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            if is_ours(container["image"]):
                assert context["readOnlyRootFilesystem"] is True, name


@overlays
def test_containers_have_requests_and_limits(overlay: str) -> None:
    for name, template in pod_specs(overlay):
        for container in template["spec"]["containers"]:
            for bound in ("requests", "limits"):
                assert container["resources"][bound].keys() >= {"cpu", "memory"}, name


@overlays
def test_services_are_probed(overlay: str) -> None:
    for service in SERVICES:
        container = workload(overlay, service)["spec"]["template"]["spec"]["containers"][0]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


@overlays
def test_a_pod_has_time_to_stop(overlay: str) -> None:
    from radbridge.runtime.settings import RuntimeSettings

    grace = RuntimeSettings.model_fields["shutdown_grace_seconds"].default
    for service in SERVICES:
        pod = workload(overlay, service)["spec"]["template"]["spec"]
        pause = float(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pod["terminationGracePeriodSeconds"] > pause + grace + 10


@overlays
def test_selectors_find_pods(overlay: str) -> None:
    labels = [template["metadata"]["labels"] for _, template in pod_specs(overlay)]

    def found(selector: dict[str, str]) -> int:
        return sum(selector.items() <= one.items() for one in labels)

    for name, service in of_kind(overlay, "Service").items():
        assert found(service["spec"]["selector"]) == 1, name
    for name, budget in of_kind(overlay, "PodDisruptionBudget").items():
        assert found(budget["spec"]["selector"]["matchLabels"]) == 1, name
    assert of_kind(overlay, "PodDisruptionBudget").keys() == {*SERVICES, "front"}


@overlays
def test_ports_of_services_are_open(overlay: str) -> None:
    pods = dict(pod_specs(overlay))
    for name, service in of_kind(overlay, "Service").items():
        wanted = service["spec"]["selector"]["app.kubernetes.io/name"]
        template = pods.get(f"Deployment/{wanted}") or pods[f"StatefulSet/{wanted}"]
        names = {port["name"] for one in template["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names, name


@overlays
def test_received_objects_are_on_a_claim_of_their_own(overlay: str) -> None:
    edge = of_kind(overlay, "StatefulSet")["dicom-edge"]["spec"]
    assert [claim["metadata"]["name"] for claim in edge["volumeClaimTemplates"]] == ["data"]
    mounts = edge["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {"name": "data", "mountPath": "/var/lib/radbridge"} in mounts
    assert "data" not in {volume["name"] for volume in edge["template"]["spec"]["volumes"]}
    assert edge["replicas"] == 1


def test_services_scale_by_load_and_by_lag() -> None:
    meter = known_meters()["radbridge_consumer_lag"]
    groups = {group for topic in TOPICS if topic.retention is Retention.FOREVER for group in topic.consumers}
    scaled = of_kind("production", "HorizontalPodAutoscaler")
    assert scaled.keys() == SERVICES.keys() - {"dicom-edge"}
    by_lag: set[str] = set()
    for name, autoscaler in scaled.items():
        assert autoscaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        assert autoscaler["spec"]["minReplicas"] >= 2
        for one in autoscaler["spec"]["metrics"]:
            if one["type"] == "External":
                metric = one["external"]["metric"]
                assert metric["name"] == "radbridge_consumer_lag"
                assert metric["selector"]["matchLabels"].keys() <= meter
                assert metric["selector"]["matchLabels"]["group"] in groups
                by_lag.add(name)
    assert by_lag == {"mpi", "signing", "recognition", "notify", "portal"}


def test_the_adapter_offers_what_the_autoscalers_ask_for() -> None:
    rule = yaml.safe_load((K8S / "prometheus-adapter.yaml").read_text())["rules"]["external"][0]
    assert rule["name"]["as"] == "radbridge_consumer_lag"
    assert "radbridge_consumer_lag{" in rule["metricsQuery"]


@overlays
def test_replicas_are_left_to_the_autoscaler(overlay: str) -> None:
    for name in of_kind(overlay, "HorizontalPodAutoscaler"):
        assert "replicas" not in of_kind(overlay, "Deployment")[name]["spec"]


@overlays
def test_no_secret_is_in_the_repository(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == {}


def test_images_carry_the_version_of_the_workspace() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    used = [service["image"] for service in compose()["services"].values()]
    for overlay in OVERLAYS:
        used += [one["image"] for _, template in pod_specs(overlay) for one in template["spec"]["containers"]]
    assert {image.rpartition(":")[2] for image in used if is_ours(image)} == {version}
    assert f"RADBRIDGE_VERSION={version}\n" in (ROOT / ".env.example").read_text()


def test_compose_and_the_trial_run_the_same_backends() -> None:
    composed = {service["image"] for service in compose()["services"].values() if not is_ours(service["image"])}
    for name, template in pod_specs("trial"):
        for container in template["spec"]["containers"]:
            assert is_ours(container["image"]) or container["image"] in composed, name


def validate(manifests: str, folder: Path) -> str:
    """What kubernetes-validate finds wrong; empty when nothing."""
    file = folder / "manifests.yaml"
    file.write_text(manifests)
    argv = [sys.executable, "-m", "kubernetes_validate", "--strict", file]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def workload(overlay: str, service: str) -> dict[str, Any]:
    """The Deployment or StatefulSet of a service."""
    return of_kind(overlay, "Deployment", "StatefulSet")[service]
