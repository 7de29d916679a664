"""The gate against a run that met no real server: what counts as met, and when it fails."""

from __future__ import annotations

import pytest

from tools.stamps import ROOT

FIXTURES = """
import pytest
pytest_plugins = ["tests.reports.real_parts"]
for name in ("kafka_server", "postgres_server", "s3_server", "dcmtk", "openssl", "kustomize", "compose_loader",
             "promtool", "otelcol"):
    exec(f"@pytest.fixture(scope='session')\\ndef {name}(): return 1")
@pytest.fixture
def kafka_url(kafka_server): return "kafka://"
@pytest.fixture
def chromium_path(): pytest.skip("Chromium is not installed")
"""
ALL_BUT_BROWSER = """
def test_static(postgres_server, s3_server, dcmtk): pass
def test_tools(openssl, kustomize, compose_loader, promtool, otelcol): pass
def test_by_name(request): request.getfixturevalue("kafka_url")
def test_browser(chromium_path): pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(FIXTURES)
    return pytester


def test_a_part_that_was_only_skipped_fails_the_gate(suite: pytest.Pytester) -> None:
    suite.makepyfile(ALL_BUT_BROWSER)
    result = suite.runpytest_subprocess("--require-real-parts")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "Apache Kafka: 1",
            "DCMTK: 1",
            "OpenSSL: 1",
            "OpenTelemetry collector: 1",
            "PostgreSQL: 1",
            "S3: 1",
            "browser: 0",
            "docker compose's loader: 1",
            "kustomize: 1",
            "promtool: 1",
            "FAILED: no test met browser",
            "*3 passed*",
        ]
    )


def test_without_the_gate_a_skip_is_no_failure(suite: pytest.Pytester) -> None:
    suite.makepyfile(ALL_BUT_BROWSER)
    assert suite.runpytest_subprocess().ret == pytest.ExitCode.OK


def test_the_gate_passes_when_every_part_was_met(suite: pytest.Pytester) -> None:
    suite.makepyfile(ALL_BUT_BROWSER)
    suite.makeconftest(FIXTURES.replace('pytest.skip("Chromium is not installed")', "return 1"))
    assert suite.runpytest_subprocess("--require-real-parts").ret == pytest.ExitCode.OK
