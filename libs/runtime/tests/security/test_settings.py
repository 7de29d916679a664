"""Settings: read from variables and files, each failure named, nothing secret shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import (
    EnvironmentSettings,
    RuntimeSettings,
    SettingsError,
    environment_variables,
    load_settings,
)

COMPLETE = {
    "RADBRIDGE_EVENTS_URL": "kafka://broker:9092",
    "RADBRIDGE_DATABASE_URL": "postgresql+asyncpg://u:p@db/mpi",
    "RADBRIDGE_BLOBS_URL": "s3://k:s@minio:9000/radbridge",
    "RADBRIDGE_VAULT_KEY": "{}",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment_variables(RuntimeSettings):
        monkeypatch.delenv(name, raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


def test_a_complete_environment_is_read() -> None:
    settings = load_settings(RuntimeSettings)
    assert settings.events_url == "kafka://broker:9092"
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.shutdown_grace_seconds == 20


def test_opentelemetrys_own_switch_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings(RuntimeSettings).otel_sdk_disabled
    assert "OTEL_SDK_DISABLED" in environment_variables(RuntimeSettings)
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert load_settings(RuntimeSettings).otel_sdk_disabled
    monkeypatch.setenv("OTEL_SDK_DISABLED", "perhaps")
    with pytest.raises(SettingsError, match=r"^OTEL_SDK_DISABLED: "):
        load_settings(RuntimeSettings)


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [str(one) for one in load_settings(RuntimeSettings).trusted_proxies] == ["127.0.0.1/32", "::1/128"]
    monkeypatch.setenv("RADBRIDGE_TRUSTED_PROXIES", "10.0.0.7, 2001:db8::/32")
    assert [str(one) for one in load_settings(RuntimeSettings).trusted_proxies] == ["10.0.0.7/32", "2001:db8::/32"]


def test_every_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as caught:
        load_settings(RuntimeSettings)
    assert all(name in str(caught.value) for name in COMPLETE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RADBRIDGE_PORT", "99999"),
        ("RADBRIDGE_PORT", "http"),
        ("RADBRIDGE_EVENTS_URL", "broker"),
        ("RADBRIDGE_LOG_LEVEL", "loud"),
        ("RADBRIDGE_MIGRATE", "maybe"),
        ("RADBRIDGE_PUBLIC_URL", "images.example.cn"),
        ("RADBRIDGE_TRACE_SAMPLE_RATIO", "2"),
        ("RADBRIDGE_TRUSTED_PROXIES", "proxy.example.org"),
        ("RADBRIDGE_TRUSTED_PROXIES", "10.0.0.7/8"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings(RuntimeSettings)
    assert value not in str(caught.value).replace(name, "")


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("abc\n")
    monkeypatch.setenv("RADBRIDGE_ADMIN_TOKEN_FILE", str(secret))
    settings = load_settings(RuntimeSettings)
    assert settings.admin_token == SecretStr("abc")
    assert "abc" not in repr(settings)


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RADBRIDGE_ADMIN_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="RADBRIDGE_ADMIN_TOKEN_FILE"):
        load_settings(RuntimeSettings)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_PUBLIC_URL", "")
    assert load_settings(RuntimeSettings).public_url is None


def test_a_service_adds_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class LampSettings(EnvironmentSettings):
        model_config = SettingsConfigDict(env_prefix="RADBRIDGE_LAMP_")
        brightness: int

    monkeypatch.setenv("RADBRIDGE_LAMP_BRIGHTNESS", "7")
    assert load_settings(LampSettings).brightness == 7
    assert environment_variables(LampSettings) == {"RADBRIDGE_LAMP_BRIGHTNESS", "RADBRIDGE_LAMP_BRIGHTNESS_FILE"}


def test_links_start_with_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_PUBLIC_URL", "https://images.example.cn/")
    assert load_settings(RuntimeSettings).base_url == "https://images.example.cn"
    assert load_settings(RuntimeSettings, public_url=None, host="::1", port=9).base_url == "http://[::1]:9"
