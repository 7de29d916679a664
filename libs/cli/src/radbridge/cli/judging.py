"""What the commands that judge one file share: the trust that they are given, and how a judgement becomes an answer."""

import inspect
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeAlias, cast

import typer

from radbridge.cli.output import Json, emit, fail

if TYPE_CHECKING:
    from radbridge.signing.domain.trust_store import TrustStore
    from radbridge.signing.offline import Judgement

NOT_GOOD, UNUSABLE = 1, 2

P = ParamSpec("P")
Judge: TypeAlias = "Callable[[TrustStore, datetime], Judgement]"
"""Judges with this trust at this moment."""

Root: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--root", exists=True, dir_okay=False, help="Trust anchor; may be repeated.")
]
Intermediate: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--intermediate", exists=True, dir_okay=False, help="Any further certificate; may be repeated."),
]
Crl: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--crl", exists=True, dir_okay=False, help="Revocation list; may be repeated.")
]
Ocsp: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--ocsp", exists=True, dir_okay=False, help="OCSP response (DER); counts where no list does; repeatable."
    ),
]
RequireCrl: TypeAlias = Annotated[
    bool, typer.Option("--require-crl", help="Without a current list or OCSP answer a certificate is not good.")
]
At: TypeAlias = Annotated[
    str, typer.Option("--at", help="Moment of judgement, ISO 8601, UTC where no zone is named; now if empty.")
]


def judging(command: Callable[P, Judge]) -> Callable[..., None]:
    """The command with the options of ``_answer`` behind its own, and its exit codes."""
    own = inspect.signature(command).parameters
    shared = {name: given for name, given in inspect.signature(_answer).parameters.items() if name != "judge"}
    parameters = [*own.values(), *shared.values()]

    @wraps(command)
    def run(**given: Any) -> None:
        ours = {name: given.pop(name) for name in own}
        _answer(cast("Callable[..., Judge]", command)(**ours), **given)

    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    return run


def _answer(
    judge: Judge,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """Judge, print and end with the exit code of the verdict."""
    from radbridge.signing.offline import Unusable, open_trust

    try:
        moment = _moment(at)
        store = open_trust(
            _named(root), _named(intermediate), _named(crl), _named(ocsp), require_revocation=require_crl
        )
        judgement = judge(store, moment)
    except (Unusable, OSError) as error:
        fail(str(error), as_json=as_json, code=UNUSABLE)
    answer = {"at": moment.isoformat().replace("+00:00", "Z"), **judgement.to_dict()}
    emit(answer, as_json=as_json, text=lambda: _text(answer))
    if not judgement.good:
        raise typer.Exit(NOT_GOOD)


def _moment(text: str) -> datetime:
    from radbridge.signing.offline import Unusable

    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unusable(f"--at {text}: not a moment of ISO 8601") from None


def _named(paths: list[Path] | None) -> Iterable[tuple[str, bytes]]:
    return ((str(path), path.read_bytes()) for path in paths or ())


def _text(answer: dict[str, Any]) -> str:
    lines = [f"{'good' if answer['good'] else 'NOT GOOD'}  {answer['verdict']}  {answer['reason']}"]
    for name, value in answer.items():
        if name in ("good", "verdict", "reason"):
            continue
        if isinstance(value, list):
            items = cast("list[object]", value)
            lines += [f"  {name}[{index}]  {_line(item)}" for index, item in enumerate(items)]
        else:
            lines.append(f"  {name:<12}  {_line(value)}")
    return "\n".join(lines)


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}={_line(item)}" for name, item in cast("dict[str, object]", value).items())
    return " ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
