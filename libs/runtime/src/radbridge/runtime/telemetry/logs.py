"""Structured logs: one JSON object a line, personal data masked.

A module logs as ever: ``logging.getLogger(__name__).info("outbox waits", extra={"service": "mpi", "count": 3})``.
Messages are constant texts; what varies stands in ``extra``.
"""

import logging
import logging.handlers
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

import orjson
from opentelemetry import trace

from radbridge.runtime.telemetry.masking import mask_text, mask_value

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_SPEAKING = (OSError, TypeError, AttributeError, NameError, ImportError, AssertionError, RuntimeError)
"""Exceptions of the language whose text does not repeat the value at fault; others show their type alone."""
_FILE_BYTES = 10 * 1024 * 1024
_FILES = 5
_LINES_PER_LOOK = 200


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line: ``time``, ``level``, ``logger``, ``message``, the fields of ``extra``, the
    trace it belongs to, and the error with its stack."""

    def __init__(self, **constants: str) -> None:
        super().__init__()
        self._constants = constants

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            **self._constants,
            "logger": record.name,
            "message": mask_text(record.getMessage()),
        }
        fields = vars(record)
        for name, value in fields.items():
            if name not in _STANDARD:
                line[name] = mask_value(value, name)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe_error(record.exc_info[1])
            line["stack"] = _frames(record.exc_info[2])
        return orjson.dumps(line, default=lambda value: mask_text(str(value))).decode()


class ShortLines(logging.Formatter):
    """Formats a record for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname.lower()}: {mask_text(record.getMessage())}"
        if record.exc_info and record.exc_info[1]:
            text += f" ({describe_error(record.exc_info[1])})"
        return text


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """Looks at the file's size now and then only: to look for each line costs more than to write it."""

    _lines = 0

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 (the name is the base class's)
        self._lines += 1
        return self._lines % _LINES_PER_LOOK == 0 and bool(super().shouldRollover(record))


def describe_error(error: BaseException) -> str:
    """An error and its causes in one line, without texts that may repeat a patient's data: our own errors and those of
    the system speak, of others only the type is named."""
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None and len(parts) < 5:
        speaks = isinstance(link, _SPEAKING) or type(link).__module__.startswith("radbridge.")
        text = mask_text(str(link)) if speaks else ""
        parts.append(f"{type(link).__name__}: {text}" if text else type(link).__name__)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return " <- ".join(parts)


def log_to_stream(level: str, stream: TextIO | None = None, **constants: str) -> None:
    """Send all logs of this process to a stream (stderr by default) as JSON lines. For one service in a process."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(**constants))
    _install(level, handler)


def log_to_file(level: str, path: Path) -> None:
    """Send all logs to a file as JSON lines (five files of 10 MB) and warnings to stderr in short. For the whole suite
    in one process at a terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _RotatingFile(path, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8")
    file.setFormatter(JsonLines())
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(ShortLines())
    _install(level, file, terminal)


def _install(level: str, *handlers: logging.Handler) -> None:
    # no line shows them, so none has to find them out (the logging module's own advice on optimization)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "aiokafka", "uvicorn.error", "pynetdicom", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _frames(start: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(start)][-20:]
