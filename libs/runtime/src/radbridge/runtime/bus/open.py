"""The event log behind a URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from radbridge.runtime.bus.protocol import EventLog


def open_log(url: str) -> EventLog:
    """The event log of ``sqlite:///PATH`` or ``kafka://HOST:PORT[,HOST:PORT…][?replication_factor=3&…]``.

    As in SQLAlchemy a path is relative, and absolute with a fourth slash. Nothing is opened or connected before the
    first use. The options of ``kafka://`` are those of
    ``radbridge.runtime.bus.kafka.settings``.

    :raises ValueError: the URL is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and len(parts.path) > 1 and not parts.netloc:
        from radbridge.runtime.bus.embedded.log import EmbeddedLog

        return EmbeddedLog(Path(unquote(parts.path)[1:]))
    if parts.scheme == "kafka" and parts.netloc:
        from radbridge.runtime.bus.kafka.log import KafkaLog
        from radbridge.runtime.bus.kafka.settings import KafkaSettings

        return KafkaLog(KafkaSettings.from_url(url))
    raise ValueError("the events URL is sqlite:///PATH or kafka://HOST:PORT")
