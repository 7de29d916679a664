"""``radbridge verify``: verdicts offline, and the chain of evidence of those that a suite made.

Exit code 0: good; 1: not good; 2: what was given cannot be used.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import typer

from radbridge.cli.evidence import again, chain, evidence
from radbridge.cli.output import Json, emit, fail, print_json

if TYPE_CHECKING:
    from radbridge.signing.domain.trust_store import TrustStore
    from radbridge.signing.offline import Judgement

NOT_GOOD, UNUSABLE = 1, 2

File: TypeAlias = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Binary, PEM or base64.")]
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
SignatureOnly: TypeAlias = Annotated[
    bool, typer.Option("--signature-only", help="Judge the signature alone, not the signer's certificate.")
]
DataFile: TypeAlias = Annotated[
    Path, typer.Option("--data", exists=True, dir_okay=False, help="The original text, byte for byte.")
]
MaybeDataFile: TypeAlias = Annotated[
    Path | None, typer.Option("--data", exists=True, dir_okay=False, help="The original text, byte for byte.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Verdicts offline.", no_args_is_help=True)
    for command in (certificate, crl, pkcs1, pkcs7, timestamp, seal, cases, evidence, chain, again):
        group.command()(command)
    app.add_typer(group, name="verify")


def certificate(
    file: File,
    usage: Annotated[str, typer.Option(help="signature, timestamp, ca or encryption.")] = "signature",
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """Chain, validity, usage and revocation of a certificate."""
    from radbridge.signing import offline
    from radbridge.signing.domain.chain import Usage

    def judge(store: "TrustStore", moment: datetime) -> "Judgement":
        try:
            asked = Usage(usage)
        except ValueError:
            raise offline.Unusable(f"--usage {usage}: one of {', '.join(Usage)}") from None
        return offline.judge_certificate_file(_read(file), store, moment, asked)

    _answer(judge, root, intermediate, crl, ocsp, require_crl, at, as_json)


def crl(
    file: File,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """Signature and age of a revocation list, and the certificate of its issuer, one of those given."""
    from radbridge.signing import offline

    _answer(
        lambda store, moment: offline.judge_crl_file(_read(file), store, moment),
        *(root, intermediate, crl, ocsp, require_crl, at, as_json),
    )


def pkcs1(
    file: File,
    data: DataFile,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", exists=True, dir_okay=False, help="The signer's certificate.")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key", exists=True, dir_okay=False, help="Instead: the key alone, 64 or 65 bytes or SPKI."
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="SM3WithSM2 or SHA256WithRSA; that of the key if empty.")] = "",
    signature_only: SignatureOnly = False,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """A bare signature over a text, and the certificate of its signer."""
    from radbridge.signing import offline

    def judge(store: "TrustStore", moment: datetime) -> "Judgement":
        return offline.judge_pkcs1_file(
            _read(file),
            _read(data),
            store,
            moment,
            certificate=_read(certificate) if certificate else None,
            public_key=_read(public_key) if public_key else None,
            algorithm=algorithm,
            signature_only=signature_only,
        )

    _answer(judge, root, intermediate, crl, ocsp, require_crl, at, as_json)


def pkcs7(
    file: File,
    data: MaybeDataFile = None,
    signature_only: SignatureOnly = False,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """A SignedData over a text (without --data: over its own content), and its signers' certificates."""
    from radbridge.signing import offline

    def judge(store: "TrustStore", moment: datetime) -> "Judgement":
        content = _read(data) if data else None
        return offline.judge_pkcs7_file(_read(file), content, store, moment, signature_only=signature_only)

    _answer(judge, root, intermediate, crl, ocsp, require_crl, at, as_json)


def timestamp(
    file: File,
    data: DataFile,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """A timestamp token over a text, judged at its own time; the verdict is verifyTS's answer (1, -1 … -6)."""
    from radbridge.signing import offline

    _answer(
        lambda store, moment: offline.judge_timestamp_file(_read(file), _read(data), store, moment),
        *(root, intermediate, crl, ocsp, require_crl, at, as_json),
    )


def seal(
    file: File,
    data: MaybeDataFile = None,
    root: Root = None,
    intermediate: Intermediate = None,
    crl: Crl = None,
    ocsp: Ocsp = None,
    require_crl: RequireCrl = False,
    at: At = "",
    as_json: Json = False,
) -> None:
    """Every seal of a PDF or OFD; with --data, a bare SES_Signature over that."""
    from radbridge.signing import offline

    def judge(store: "TrustStore", moment: datetime) -> "Judgement":
        return offline.judge_seal_file(_read(file), _read(data) if data else None, store, moment)

    _answer(judge, root, intermediate, crl, ocsp, require_crl, at, as_json)


def cases(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", exists=True, dir_okay=False, help="One case a line.")],
    as_json: Json = False,
) -> None:
    """Judge every case of a file and print one JSON answer a line (with and without --json); paths in a case are
    relative to the file. Exit code 0 whatever the verdicts are."""
    from radbridge.signing.domain.cases import run_cases

    try:
        for answer in run_cases(file):
            print_json(answer)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", as_json=as_json)


def _answer(
    judge: Callable[["TrustStore", datetime], "Judgement"],
    roots: list[Path] | None,
    intermediates: list[Path] | None,
    crls: list[Path] | None,
    responses: list[Path] | None,
    require_crl: bool,
    at: str,
    as_json: bool,
) -> None:
    """Judge, print and end with the exit code of the verdict."""
    from radbridge.signing.offline import Unusable, open_trust

    try:
        moment = _moment(at)
        store = open_trust(
            _named(roots),
            _named(intermediates),
            _named(crls),
            _named(responses),
            require_revocation=require_crl,
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
    except ValueError:
        raise Unusable(f"--at {text}: not a moment of ISO 8601") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _named(paths: list[Path] | None) -> Iterable[tuple[str, bytes]]:
    return ((str(path), _read(path)) for path in paths or ())


def _read(path: Path) -> bytes:
    return path.read_bytes()


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
