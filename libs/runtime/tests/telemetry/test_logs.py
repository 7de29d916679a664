"""Logs are JSON lines without personal data, whatever a module does."""

import io
import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from radbridge.runtime.telemetry.logs import describe_error, log_to_file, log_to_stream
from radbridge.runtime.telemetry.masking import mask_text
from radbridge.runtime.telemetry.traces import Tracing

NAME, IDENTITY, PHONE = "欧阳锋一", "11010519491231002X", "13912345678"


@pytest.fixture
def stream() -> Generator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    stream = io.StringIO()
    log_to_stream("INFO", stream, service="mpi")
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_fields_and_the_trace(stream: io.StringIO) -> None:
    with Tracing("mpi").span("work") as span:
        logging.getLogger("radbridge.mpi").info("linked", extra={"records": 3})
    [line] = lines(stream)
    assert (line["message"], line["records"], line["service"], line["level"]) == ("linked", 3, "mpi", "INFO")
    assert line["trace_id"] == span.trace_id
    assert line["time"].endswith("+00:00")


def test_nothing_of_a_patient_reaches_a_log(stream: io.StringIO) -> None:
    log = logging.getLogger("radbridge.test")
    log.info("number %s phone %s", IDENTITY, PHONE)
    log.info(f"身份证{IDENTITY}，电话{PHONE}。")
    log.info("x", extra={"patient_name": NAME, "phone": "0832-2012345", "number": int(PHONE), "note": f"tel {PHONE}"})
    log.info("x", extra={"patient": {"name": NAME, "id": IDENTITY}, "list": [PHONE, {"patName": NAME}]})
    log.info("x", extra={"query": f"idCard={IDENTITY}&x=1"})

    class Person(BaseModel):
        age: int

    try:
        try:
            Person.model_validate({"age": NAME})
        except ValidationError as error:
            raise ValueError(f"bad {NAME} {IDENTITY}") from error
    except ValueError:
        log.exception("refused")
    text = stream.getvalue()
    decoded = json.dumps(lines(stream), ensure_ascii=False)
    for secret in (NAME, IDENTITY, PHONE, "2012345"):
        assert secret not in text
        assert secret not in decoded
    assert lines(stream)[-1]["error"] == "ValueError <- ValidationError"
    assert any("test_logs.py" in frame for frame in lines(stream)[-1]["stack"])


@pytest.mark.parametrize(
    "text",
    [
        "1.2.840.113619.2.55.3.13912345678.971.1448",
        "018f3c5a-13912345678a-7000",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-01-01T00:00:00.123456+00:00",
        "size 13912345678901",
        "port 8080",
    ],
)
def test_identifiers_stay_readable(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "text", [IDENTITY, IDENTITY.lower(), "110105491231002", PHONE, f"({PHONE})", f"电话:{PHONE}.", f"x={PHONE}&y"]
)
def test_numbers_of_people_do_not(text: str) -> None:
    assert "***" in mask_text(text)


def test_errors_say_what_they_are_and_no_more() -> None:
    assert describe_error(ConnectionRefusedError(111, "refused")) == "ConnectionRefusedError: [Errno 111] refused"
    assert describe_error(KeyError(NAME)) == "KeyError"
    assert describe_error(RuntimeError(f"for {PHONE}")) == "RuntimeError: for ***"


def test_a_suite_logs_to_a_file_and_warns_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        log_to_file("INFO", tmp_path / "logs" / "radbridge.log")
        logging.getLogger("radbridge.a").info("quiet")
        logging.getLogger("radbridge.a").warning("loud %s", PHONE)
        file = (tmp_path / "logs" / "radbridge.log").read_text()
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers = handlers
        root.setLevel(level)
    assert [json.loads(line)["message"] for line in file.splitlines()] == ["quiet", "loud ***"]
    assert capsys.readouterr().err == "warning: loud ***\n"
