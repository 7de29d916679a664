"""The servers that other tests stand on: they answer, keep their data through SIGKILL, and leave nothing behind."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from minio import Minio

from tests.servers.external import ExternalPostgres, ExternalS3
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.servers.process import LOCALHOST, accepts, free_port
from tests.servers.s3 import S3Server
from tools.stamps import ROOT

pytestmark = pytest.mark.real


async def create_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=value[:1])
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str, count: int) -> set[bytes | None]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            return {(await consumer.getone()).value for _ in range(count)}
    finally:
        await consumer.stop()


async def test_kafka_delivers(kafka_url: str) -> None:
    bootstrap = kafka_url.removeprefix("kafka://")
    await create_topic(bootstrap, "servers-delivers")
    await produce(bootstrap, "servers-delivers", [b"1", b"2", b"3"])
    assert await consume(bootstrap, "servers-delivers", 3) == {b"1", b"2", b"3"}


async def test_kafka_keeps_acknowledged_events_through_sigkill(own_kafka: KafkaBroker) -> None:
    await create_topic(own_kafka.bootstrap, "t")
    await produce(own_kafka.bootstrap, "t", [b"before"])
    killed = own_kafka.pid
    own_kafka.kill()
    assert not own_kafka.running
    own_kafka.start()
    assert own_kafka.pid != killed
    await produce(own_kafka.bootstrap, "t", [b"after"])
    assert await consume(own_kafka.bootstrap, "t", 2) == {b"before", b"after"}


async def test_kafka_starts_again_after_an_orderly_stop(own_kafka: KafkaBroker) -> None:
    await create_topic(own_kafka.bootstrap, "t")
    own_kafka.stop()
    own_kafka.start()
    await produce(own_kafka.bootstrap, "t", [b"again"])
    assert await consume(own_kafka.bootstrap, "t", 1) == {b"again"}


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_postgres_databases_are_fresh(postgres_database: str) -> None:
    assert await query(postgres_database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert await query(postgres_database, "SHOW fsync") == "on"
    assert await query(postgres_database, "SHOW server_encoding") == "UTF8"


async def test_postgres_keeps_committed_rows_through_sigkill(own_postgres: PostgresCluster) -> None:
    url = own_postgres.create_database()
    await query(url, "CREATE TABLE t AS SELECT 7 AS n")
    open_connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    own_postgres.kill()
    own_postgres.start()
    assert await query(url, "SELECT n FROM t") == 7
    open_connection.terminate()


def bucket_of(url: str) -> tuple[Minio, str]:
    parts = urlsplit(url)
    client = Minio(
        f"{parts.hostname}:{parts.port}",
        access_key=parts.username,
        secret_key=parts.password,
        secure=False,
        region="us-east-1",
    )
    return client, parts.path.strip("/")


def read(client: Minio, bucket: str, name: str) -> bytes:
    response = client.get_object(bucket, name)
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def test_s3_buckets_are_fresh_and_keep_objects(s3_url: str) -> None:
    client, bucket = bucket_of(s3_url)
    assert list(client.list_objects(bucket)) == []
    client.put_object(bucket, "a/b", io.BytesIO(b"image"), 5)
    assert read(client, bucket, "a/b") == b"image"


def test_s3_keeps_objects_through_sigkill(own_s3: S3Server) -> None:
    client, bucket = bucket_of(own_s3.create_bucket())
    client.put_object(bucket, "a", io.BytesIO(b"image"), 5)
    own_s3.kill()
    own_s3.start()
    assert read(client, bucket, "a") == b"image"


def test_servers_of_somebody_else_are_used_by_url(postgres_server: PostgresCluster, s3_server: S3Server) -> None:
    postgres = ExternalPostgres(postgres_server.url)
    database = postgres.create_database()
    assert asyncio.run(query(database, "SELECT 1")) == 1
    postgres.drop_database(database)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        asyncio.run(query(database, "SELECT 1"))
    client, bucket = bucket_of(ExternalS3(s3_server.url).create_bucket())
    assert client.bucket_exists(bucket)


def test_chromium_renders_a_page(chromium_path: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p id=p></p><script>document.getElementById('p').textContent = 6 * 7</script>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    done = subprocess.run([chromium_path, *flags, page.as_uri()], capture_output=True, text=True, check=True)
    assert '<p id="p">42</p>' in done.stdout


def test_dcmtk_writes_and_reads_dicom(dcmtk: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "study.dump").write_text("(0010,0020) LO [P-1]\n")
    subprocess.run([dcmtk["dump2dcm"], tmp_path / "study.dump", tmp_path / "study.dcm"], check=True)
    done = subprocess.run([dcmtk["dcmdump"], tmp_path / "study.dcm"], capture_output=True, text=True, check=True)
    assert "PatientID" in done.stdout


def test_openssl_makes_keys(openssl: str) -> None:
    done = subprocess.run([openssl, "rand", "-hex", "8"], capture_output=True, text=True, check=True)
    assert len(bytes.fromhex(done.stdout.strip())) == 8


def test_a_port_is_given_once_and_can_be_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite draws the ports of all its processes before the first of them listens."""
    first, second = free_port(), free_port()
    other = next(port for port in range(32000, 32700) if not accepts(port))
    monkeypatch.setattr("tests.servers.process.random.sample", lambda *_: [first, second, other])
    assert free_port() == other
    assert not accepts(first)
    for _ in ("started", "started again"):
        with socket.create_server((LOCALHOST, first)):
            assert accepts(first)


OWNER = """
import sys, time
from tests.servers.{module} import {name}
server = {name}()
server.start()
print(server.pid, server._folder, flush=True)
time.sleep(60)
"""


def is_gone(pid: int, folder: Path) -> bool:
    return not Path(f"/proc/{pid}").exists() and not folder.exists()


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(("module", "name"), [("postgres", "PostgresCluster"), ("s3", "S3Server")])
@pytest.mark.usefixtures("postgres_server", "s3_server")
def test_servers_end_with_the_process_that_started_them(module: str, name: str) -> None:
    argv = [sys.executable, "-c", OWNER.format(module=module, name=name)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        os.kill(owner.pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(int(pid), Path(folder)))
