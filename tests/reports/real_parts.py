"""Counts how many tests really met servers, a browser and the tools of operators, and says so at the end of the run.

With `--require-real-parts` (the test command gives it where CI=true) a run in which one of them was met by no test
fails: a skipped test is honest on a laptop and a hole in a gate.
"""

from __future__ import annotations

import pytest

PARTS = {
    "kafka_server": "Apache Kafka",
    "own_kafka": "Apache Kafka",
    "postgres_server": "PostgreSQL",
    "own_postgres": "PostgreSQL",
    "s3_server": "S3",
    "own_s3": "S3",
    "chromium_path": "browser",
    "dcmtk": "DCMTK",
    "openssl": "OpenSSL",
    "kustomize": "kustomize",
    "compose_loader": "docker compose's loader",
    "promtool": "promtool",
    "otelcol": "OpenTelemetry collector",
}
"""Fixture → the part that a test with this fixture meets."""

_WRAPPERS = {
    "kafka_url": "Apache Kafka",
    "postgres_url": "PostgreSQL",
    "postgres_database": "PostgreSQL",
    "s3_url": "S3",
}
"""Fixtures made for each test, so that a test which asks for them by `getfixturevalue` is seen too."""

_PROPERTY = "real part"


class RealParts:
    """The plugin: notes the parts on each test, counts the tests whose body ran."""

    def __init__(self, *, required: bool) -> None:
        self._required = required
        self._counts = dict.fromkeys(sorted(set(PARTS.values())), 0)

    def missing(self) -> list[str]:
        """Parts that no test met."""
        return [part for part, count in self._counts.items() if count == 0]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for part in {PARTS[name] for name in getattr(item, "fixturenames", ()) if name in PARTS}:
                item.user_properties.append((_PROPERTY, part))

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> None:
        part = _WRAPPERS.get(fixturedef.argname)
        if part and (_PROPERTY, part) not in request.node.user_properties:
            request.node.user_properties.append((_PROPERTY, part))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            for name, part in report.user_properties:
                if name == _PROPERTY:
                    self._counts[str(part)] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._required and self.missing() and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._required and not any(self._counts.values()):
            return
        terminalreporter.section("tests that met real parts")
        for part, count in self._counts.items():
            terminalreporter.write_line(f"{part}: {count}")
        if self._required and self.missing():
            terminalreporter.write_line(f"FAILED: no test met {', '.join(self.missing())}", red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-real-parts",
        action="store_true",
        help="fail when no test met one of the real parts",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(
        RealParts(required=bool(config.getoption("--require-real-parts"))), "radbridge-real-parts"
    )
