"""Trial seals (GB/T 38540-2020) and sealed PDF files, made in code with a `TrialAuthority`.

sealer = TrialSealer.create(authority, "某某医院")
sealed = sealer.seal_pdf(pdf)                      # an incremental update with one visible seal on the first page
value = sealer.ses(document)                       # the bare SES_Signature over any octets
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.der_write import (
    bits,
    encode,
    explicit,
    generalized_time,
    integer,
    octets,
    oid,
    sequence,
    utf8,
)
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.trial_pki import Doctor, TrialAuthority

_RESERVED = 16 * 1024
_YEAR = timedelta(days=365)
_ALGORITHM = oid(oids.SM2_WITH_SM3)
# A red square of one pixel: the smallest picture that viewers draw.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@dataclass
class TrialSealer:
    """A seal maker and a unit with its seal; `seal` is the SESeal."""

    authority: TrialAuthority
    maker: Doctor
    unit: Doctor
    seal: bytes = field(repr=False)

    @classmethod
    def create(
        cls,
        authority: TrialAuthority,
        name: str,
        *,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        listed: Doctor | None = None,
    ) -> TrialSealer:
        """A seal called `name`, valid a year before and after the authority's moment, for the unit's certificate.

        `listed` puts another certificate into the seal than the one that signs.
        """
        maker, unit = authority.issue_doctor(f"{name}制章人", ""), authority.issue_doctor(name, "")
        start, end = valid_from or authority.now - _YEAR / 2, valid_to or authority.now + _YEAR
        info = sequence(
            sequence(_ia5("ES"), integer(4), _ia5("TRIAL")),
            _ia5("TRIALSEAL1"),
            sequence(
                integer(1),
                utf8(name),
                integer(1),
                sequence(octets((listed or unit).cert_der)),
                generalized_time(start),
                generalized_time(start),
                generalized_time(end),
            ),
            sequence(_ia5("png"), octets(_PICTURE), integer(40), integer(40)),
        )
        seal = sequence(info, octets(maker.cert_der), _ALGORITHM, bits(maker.key.sign(info)))
        return cls(authority, maker, unit, seal)

    def ses(self, document: bytes, *, with_timestamp: bool = False) -> bytes:
        """The SES_Signature over `document`, signed at the authority's moment."""
        moment = self.authority.now
        to_be_signed = sequence(integer(4), self.seal, generalized_time(moment), bits(sm3(document)), _ia5("TRIAL"))
        signature = self.unit.key.sign(to_be_signed)
        stamp = explicit(0, bits(self.authority.timestamp(signature, moment))) if with_timestamp else b""
        return sequence(to_be_signed, octets(self.unit.cert_der), _ALGORITHM, bits(signature), stamp)

    def cms(self, document: bytes) -> bytes:
        """The detached GM/T 0010 signature over `document`."""
        return self.unit.sign_pkcs7(document, attached=False)

    def seal_pdf(self, pdf: bytes, *, sign: Callable[[bytes], bytes] | None = None, docmdp: int | None = None) -> bytes:
        """`pdf` with one more revision that holds a signature field with a seal, or with what `sign` makes.

        `docmdp` certifies the document with that permission level.
        """
        unsigned = _with_signature_field(pdf, docmdp)
        start = unsigned.rindex(b"<" + b"00" * _RESERVED + b">")
        end = start + 2 * _RESERVED + 2
        placeholder = unsigned.index(_BYTE_RANGE, len(pdf))
        byte_range = b"[ 0 %d %d %d" % (start, end, len(unsigned) - end)
        patched = (
            unsigned[:placeholder]
            + byte_range.ljust(len(_BYTE_RANGE) - 1)
            + unsigned[placeholder + len(_BYTE_RANGE) - 1 :]
        )
        value = (sign or self.ses)(patched[:start] + patched[end:])
        return patched[: start + 1] + value.hex().encode().ljust(2 * _RESERVED, b"0") + patched[end - 1 :]


_BYTE_RANGE = b"[ 0 9999999999 9999999999 9999999999 ]"


def _with_signature_field(pdf: bytes, docmdp: int | None) -> bytes:
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import (
        ArrayObject,
        ByteStringObject,
        DictionaryObject,
        NameObject,
        NumberObject,
        RectangleObject,
        TextStringObject,
    )

    name, number = NameObject, NumberObject
    writer = PdfWriter(PdfReader(io.BytesIO(pdf)), incremental=True)
    value = DictionaryObject(
        {
            name("/Type"): name("/Sig"),
            name("/Filter"): name("/GM.PKILite"),
            name("/SubFilter"): name("/GM.sm2seal"),
            name("/ByteRange"): ArrayObject([number(0), *[number(9999999999)] * 3]),
            name("/Contents"): ByteStringObject(bytes(_RESERVED)),
        }
    )
    if docmdp is not None:
        parameters = DictionaryObject({name("/Type"): name("/TransformParams"), name("/P"): number(docmdp)})
        transform = {name("/TransformMethod"): name("/DocMDP"), name("/TransformParams"): parameters}
        value[name("/Reference")] = ArrayObject([DictionaryObject(transform)])
    page = writer.pages[0]
    form = writer.root_object.get("/AcroForm", DictionaryObject()).get_object()
    fields = ArrayObject(form.get("/Fields", ArrayObject()))
    widget = writer._add_object(  # pyright: ignore[reportPrivateUsage]
        DictionaryObject(
            {
                name("/FT"): name("/Sig"),
                name("/Type"): name("/Annot"),
                name("/Subtype"): name("/Widget"),
                name("/T"): TextStringObject(f"Seal{len(fields) + 1}"),
                name("/V"): writer._add_object(value),  # pyright: ignore[reportPrivateUsage]
                name("/Rect"): RectangleObject((20, 20, 60, 60)),
            }
        )
    )
    annotations = ArrayObject([*page.get("/Annots", ArrayObject()), widget])
    page[name("/Annots")] = annotations
    writer.root_object[name("/AcroForm")] = DictionaryObject(
        {name("/Fields"): ArrayObject([*fields, widget]), name("/SigFlags"): number(3)}
    )
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _ia5(text: str) -> bytes:
    return encode(der.IA5_STRING, text.encode("ascii"))
