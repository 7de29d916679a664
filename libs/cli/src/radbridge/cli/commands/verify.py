"""``radbridge verify``: verdicts offline, and the chain of evidence of those that a suite made.

Exit code 0: good; 1: not good; 2: what was given cannot be used.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from radbridge.cli.evidence import again, chain, evidence
from radbridge.cli.judging import Judge, judging
from radbridge.cli.output import Json, fail, print_json

if TYPE_CHECKING:
    from radbridge.signing.domain.trust_store import TrustStore
    from radbridge.signing.offline import Judgement

File: TypeAlias = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Binary, PEM or base64.")]
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


@judging
def certificate(
    file: File, usage: Annotated[str, typer.Option(help="signature, timestamp, ca or encryption.")] = "signature"
) -> Judge:
    """Chain, validity, usage and revocation of a certificate."""
    from radbridge.signing import offline
    from radbridge.signing.domain.chain import Usage

    def judge(store: "TrustStore", moment: datetime) -> "Judgement":
        try:
            asked = Usage(usage)
        except ValueError:
            raise offline.Unusable(f"--usage {usage}: one of {', '.join(Usage)}") from None
        return offline.judge_certificate_file(file.read_bytes(), store, moment, asked)

    return judge


@judging
def crl(file: File) -> Judge:
    """Signature and age of a revocation list, and the certificate of its issuer, one of those given."""
    from radbridge.signing import offline

    return lambda store, moment: offline.judge_crl_file(file.read_bytes(), store, moment)


@judging
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
) -> Judge:
    """A bare signature over a text, and the certificate of its signer."""
    from radbridge.signing import offline

    return lambda store, moment: offline.judge_pkcs1_file(
        file.read_bytes(),
        data.read_bytes(),
        store,
        moment,
        certificate=_content(certificate),
        public_key=_content(public_key),
        algorithm=algorithm,
        signature_only=signature_only,
    )


@judging
def pkcs7(file: File, data: MaybeDataFile = None, signature_only: SignatureOnly = False) -> Judge:
    """A SignedData over a text (without --data: over its own content), and its signers' certificates."""
    from radbridge.signing import offline

    return lambda store, moment: offline.judge_pkcs7_file(
        file.read_bytes(), _content(data), store, moment, signature_only=signature_only
    )


@judging
def timestamp(file: File, data: DataFile) -> Judge:
    """A timestamp token over a text, judged at its own time; the verdict is verifyTS's answer (1, -1 … -6)."""
    from radbridge.signing import offline

    return lambda store, moment: offline.judge_timestamp_file(file.read_bytes(), data.read_bytes(), store, moment)


@judging
def seal(file: File, data: MaybeDataFile = None) -> Judge:
    """Every seal of a PDF or OFD; with --data, a bare SES_Signature over that."""
    from radbridge.signing import offline

    return lambda store, moment: offline.judge_seal_file(file.read_bytes(), _content(data), store, moment)


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
    except OSError as error:
        fail(f"{file}: {error}", as_json=as_json)


def _content(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None
