"""A real Apache Kafka broker in KRaft mode: one process that is broker and controller."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from tests.servers.process import (
    LOCALHOST,
    ServerProcess,
    ServerUnavailableError,
    free_port,
    remove,
    remove_folder_at_exit,
    run,
)
from tools.stamps import TEST_SERVERS
from tools.versions import KAFKA

_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# without these two a restart after SIGKILL takes 11 s
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=1000
log.cleaner.backoff.ms=200
# without this the cleaner alone takes 128 MB
log.cleaner.dedupe.buffer.size=2097152
"""
_LOG4J = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.started.name=kafka.server.KafkaRaftServer
logger.started.level=INFO
"""
_STARTED = "Kafka Server started"


class KafkaBroker:
    """A broker on a port of its own. The port and the data survive `stop`, `kill` and another `start`.

    Topics are not created by themselves: tests create theirs.

    Raises:
        ServerUnavailableError: Java or Kafka's jars are not installed (`make test` installs them).
    """

    def __init__(self) -> None:
        libs = TEST_SERVERS / f"kafka-{KAFKA}" / "libs"
        java = find_java()
        if java is None:
            raise ServerUnavailableError("Java is not installed")
        if not any(libs.glob(f"kafka-server-{KAFKA}.jar")):
            raise ServerUnavailableError(f"Kafka {KAFKA} is not installed (make test installs it)")
        self.port = free_port()
        self._folder = Path(mkdtemp(prefix="rb-kafka-"))
        remove_folder_at_exit(self._folder)
        self._properties = self._folder / "server.properties"
        self._write_configuration()
        self._java = [java, *_JVM, f"-Dlog4j2.configurationFile={self._folder}/log4j2.properties", "-cp", f"{libs}/*"]
        self._process = ServerProcess("kafka", [*self._java, "kafka.Kafka", str(self._properties)], self._folder)
        self._formatted = False

    @property
    def bootstrap(self) -> str:
        """`host:port`, the form Kafka's clients take."""
        return f"{LOCALHOST}:{self.port}"

    @property
    def url(self) -> str:
        """`kafka://host:port`, the form the settings take."""
        return f"kafka://{self.bootstrap}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Start, or start again, and return when the broker takes requests (2 to 5 s).

        Raises:
            ServerFailedError: with the broker's log.
        """
        if not self._formatted:
            cluster_id = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode().replace("-", "A")
            argv = [*self._java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties)]
            run(argv, self._folder)
            self._formatted = True
        self._process.start(lambda: _STARTED in self._process.log_text(), timeout_s=180)

    def stop(self) -> None:
        """Controlled shutdown."""
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def close(self) -> None:
        """Stop for good and remove the data."""
        self._process.kill()
        remove(self._folder)

    def _write_configuration(self) -> None:
        self._properties.write_text(
            _PROPERTIES.format(port=self.port, controller_port=free_port(), data=self._folder / "data")
        )
        (self._folder / "log4j2.properties").write_text(_LOG4J)


def find_java() -> str | None:
    """The `java` to run Kafka with: JAVA_HOME's, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    if home and (java := Path(home) / "bin" / "java").is_file():
        return str(java)
    return shutil.which("java")
