"""What the tests of ``ingest-api`` share."""

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def on_each_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the service: once with the database of an embedded suite, once with that of production."""
    return {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("postgres_database")}
