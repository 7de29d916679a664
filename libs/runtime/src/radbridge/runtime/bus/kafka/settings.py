"""What a ``kafka://`` URL says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_TIMEOUT_MS: Final = 10_000
_SESSION_MS: Final = 6_000
_OPTIONS: Final = frozenset(
    {
        "replication_factor",
        "security_protocol",
        "sasl_mechanism",
        "sasl_password_file",
        "ca_file",
        "certificate_file",
        "key_file",
        "timeout_ms",
        "session_ms",
    }
)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the brokers, and what to ask of them."""

    brokers: tuple[str, ...]
    """``host:port`` of some of them."""
    replication_factor: int | None = None
    """Of topics that are made; ``None``: the brokers' default."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    timeout_ms: int = _TIMEOUT_MS
    """After this time without an answer the brokers count as away."""
    session_ms: int = _SESSION_MS
    """After this time without a sign of life a group member is replaced."""

    @property
    def heartbeat_ms(self) -> int:
        """Time between two signs of life."""
        return min(1_000, self.session_ms // 3)

    @classmethod
    def from_url(cls, url: str) -> "KafkaSettings":
        """``kafka://[user[:password]@]host:port[,host:port…][?option=value&…]``.

        Options: ``replication_factor``, ``security_protocol`` (PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL),
        ``sasl_mechanism`` (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), ``sasl_password_file``, ``ca_file``,
        ``certificate_file``, ``key_file``, ``timeout_ms``, ``session_ms``.

        :raises ValueError: the URL is not of this form; the text holds no password.
        """
        parts = urlsplit(url)
        credentials, _, hosts = parts.netloc.rpartition("@")
        brokers = tuple(hosts.split(","))
        if parts.scheme != "kafka" or not all(_is_host_and_port(broker) for broker in brokers):
            raise ValueError("a Kafka URL is kafka://HOST:PORT[,HOST:PORT…]")
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        if unknown := sorted(options.keys() - _OPTIONS):
            raise ValueError(f"a Kafka URL has no option {', '.join(unknown)}")
        user, _, password = credentials.partition(":")
        if password_file := options.get("sasl_password_file"):
            password = Path(password_file).read_text().strip()
        return cls(
            brokers=brokers,
            replication_factor=_number(options, "replication_factor"),
            security_protocol=cast(
                SecurityProtocol,
                _choice(options, "security_protocol", get_args(SecurityProtocol), "SASL_SSL" if user else "PLAINTEXT"),
            ),
            sasl_mechanism=cast(
                SaslMechanism, _choice(options, "sasl_mechanism", get_args(SaslMechanism), "SCRAM-SHA-512")
            ),
            user=unquote(user) or None,
            password=unquote(password) or None,
            ca_file=_path(options, "ca_file"),
            certificate_file=_path(options, "certificate_file"),
            key_file=_path(options, "key_file"),
            timeout_ms=_number(options, "timeout_ms") or _TIMEOUT_MS,
            session_ms=_number(options, "session_ms") or _SESSION_MS,
        )


def _is_host_and_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal()


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name} of a Kafka URL is a positive number")
    return int(text)


def _choice(options: Mapping[str, str], name: str, values: tuple[str, ...], default: str) -> str:
    value = options.get(name, default)
    if value not in values:
        raise ValueError(f"{name} of a Kafka URL is one of {', '.join(values)}")
    return value


def _path(options: Mapping[str, str], name: str) -> Path | None:
    return Path(options[name]) if name in options else None
