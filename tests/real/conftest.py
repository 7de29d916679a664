"""A suite of processes on a real Kafka broker, PostgreSQL and an S3 server."""

from collections.abc import Callable, Iterator

import pytest

from radbridge.cli.services import SERVICES
from tests.servers.external import ExternalPostgres
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.support.suites import DistributedSuite


@pytest.fixture
def make_distributed(
    own_kafka: KafkaBroker,
    postgres_server: PostgresCluster | ExternalPostgres,
    postgres_url: str,
    s3_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[dict[str, str]], DistributedSuite]]:
    """Starts every service in processes of its own, two of each consumer, with further settings.

    On a broker of the test's own: topics and groups have the same names in every suite, and what another suite's keys
    seal or another suite left unread is nothing that this one can handle.
    """
    databases = {service: postgres_server.create_database() for service in SERVICES}
    made: list[DistributedSuite] = []

    def make(settings: dict[str, str]) -> DistributedSuite:
        folder = tmp_path_factory.mktemp("distributed")
        made.append(DistributedSuite(folder, own_kafka.url, databases, s3_url, settings=settings))
        made[-1].start()
        return made[-1]

    try:
        yield make
    finally:
        for suite in made:
            suite.stop()
        for url in databases.values():
            postgres_server.drop_database(url)


@pytest.fixture
def distributed(make_distributed: Callable[[dict[str, str]], DistributedSuite]) -> DistributedSuite:
    """Every service in processes of its own, two of each consumer."""
    return make_distributed({})
