"""The part of Shanxi's reference page that is about the envelope, with values computed when the page is made."""

import json
from datetime import UTC, datetime

from radbridge.contracts.dialects.shanxi_v2_1 import answers, envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam, exam_record, report_record

PRINTED_KEY = "2a77be8ebc9c90cd25ccd1d31dce7a77"
"""Key of the standard's own code sample."""
PRINTED_PLAINTEXT = '{"patientName":"张三","patientId":"Test123456"}'
HOSPITAL_CODE = "TestHospital"
TIMESTAMP = 1767196800

_EXAMPLE = ExampleExam(examined_at=datetime(2026, 1, 5, 2, 30, tzinfo=UTC))


def envelope_section() -> str:
    """Markdown: how a request is sealed, signed and answered, with an example to compare with."""
    sealed = envelope.seal_envelope(
        PRINTED_PLAINTEXT.encode(), hospital_code=HOSPITAL_CODE, key=bytes.fromhex(PRINTED_KEY), timestamp=TIMESTAMP
    )
    request = json.dumps(json.loads(sealed.to_json()), indent=2, ensure_ascii=False)
    success, failure = (json.dumps(answer, ensure_ascii=False) for answer in (answers.success(), answers.failure("…")))
    return f"""## Envelope

Requests are `POST` with JSON in UTF-8 and the header `encryption-type: SM4` (the default; any other value is refused).

| member | rule |
|---|---|
| `hospitalCode` | the code under which the hospital is registered |
| `data` | record as JSON → UTF-8 → SM4/ECB/PKCS5Padding under the hospital's 16-byte key → standard base64 |
| `timestamp` | Unix time in whole seconds, as text or number; the same counted from Beijing's 1970-01-01 is accepted |
| `signature` | `UPPER(HEX(SHA1(data + hospitalCode + timestamp)))` |

Checks in this order, each with a message of its own: members (all missing ones are named), hospital, `signature`,
`timestamp` (10 minutes either way unless the institution's setting differs), decryption, JSON, fields (all at once).
Every answer is HTTP 200 and plain JSON: `{success}` or `{failure}`. Only a body over 64 MB gets HTTP 413.

### Worked example

Key `{PRINTED_KEY}` (hex) and plaintext are those of the standard's code sample, and so is the ciphertext that comes
out:

```
{PRINTED_PLAINTEXT}
```

```json
{request}
```

### A complete exam

Every field that the standard requires of a finished exam; the person is invented.

```json
{_pretty(exam_record(_EXAMPLE))}
```

### A complete report

The signature fields are placeholders that verify nothing.

```json
{_pretty(report_record(_EXAMPLE))}
```
"""


def _pretty(record: dict[str, object]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False)
