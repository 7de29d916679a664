"""What a ``kafka://`` URL says, and what topics are made of."""

from pathlib import Path

import pytest

from radbridge.contracts.topics import Retention, Topic
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from tests.support.bus import Backend


def test_a_plain_url() -> None:
    settings = KafkaSettings.from_url("kafka://one:9092,two:9093")
    assert settings.brokers == ("one:9092", "two:9093")
    assert (settings.security_protocol, settings.replication_factor) == ("PLAINTEXT", None)
    assert (settings.session_ms, settings.heartbeat_ms) == (6000, 1000)


def test_a_url_with_everything(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    settings = KafkaSettings.from_url(
        f"kafka://rad%40bridge@one:9093?replication_factor=3&sasl_mechanism=PLAIN&timeout_ms=2000&session_ms=1500"
        f"&sasl_password_file={tmp_path}/password&ca_file=/ca.pem&certificate_file=/c.pem&key_file=/k.pem"
    )
    assert (settings.user, settings.password) == ("rad@bridge", "s3cret")
    assert (settings.security_protocol, settings.sasl_mechanism) == ("SASL_SSL", "PLAIN")
    assert (settings.replication_factor, settings.timeout_ms) == (3, 2000)
    assert (settings.session_ms, settings.heartbeat_ms) == (1500, 500)
    assert (settings.ca_file, settings.certificate_file, settings.key_file) == (
        Path("/ca.pem"),
        Path("/c.pem"),
        Path("/k.pem"),
    )
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "kafka://one",
        "kafka://one:9092,two",
        "kafka://:9092",
        "kafka://one:9092?replication=3",
        "kafka://one:9092?replication_factor=0",
        "kafka://one:9092?security_protocol=TLS",
        "kafka://one:9092?sasl_mechanism=MD5",
        "http://one:9092",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="Kafka URL"):
        KafkaSettings.from_url(url)


@pytest.mark.real
async def test_compacted_topics_compact_and_facts_stay(kafka_url: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    backend = Backend("kafka", kafka_url)
    log = backend.open()
    names = {kept: (await backend.topic(log, retention=kept)).name for kept in Retention}
    await log.ensure_topics([Topic(names[Retention.DAY], "key", (), (), (), 4, Retention.FOREVER)])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url.removeprefix("kafka://"))
    await admin.start()
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names.values()]
    configs = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in await admin.describe_configs(resources)
        for resource in answer.resources
    }
    await admin.close()
    await backend.close()
    policy = {kept: (configs[name]["cleanup.policy"], configs[name]["retention.ms"]) for kept, name in names.items()}
    assert policy[Retention.COMPACT][0] == "compact"
    assert policy[Retention.FOREVER] == ("delete", "-1")
    assert policy[Retention.DAY] == ("delete", "-1")
