"""A suite of processes on a real Kafka broker, PostgreSQL and an S3 server."""

from collections.abc import Iterator

import pytest

from radbridge.cli.services import SERVICES
from tests.servers.external import ExternalKafka, ExternalPostgres
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.support.suites import DistributedSuite


@pytest.fixture
def distributed(
    kafka_url: str,
    kafka_server: KafkaBroker | ExternalKafka,
    postgres_server: PostgresCluster | ExternalPostgres,
    postgres_url: str,
    s3_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DistributedSuite]:
    """Every service in processes of its own, two of each consumer."""
    databases = {service: postgres_server.create_database() for service in SERVICES}
    suite = DistributedSuite(tmp_path_factory.mktemp("distributed"), kafka_url, databases, s3_url)
    try:
        suite.start()
        yield suite
    finally:
        suite.stop()
        for url in databases.values():
            postgres_server.drop_database(url)
