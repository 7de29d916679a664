"""The part of Neijiang's reference page that is about signatures and answers, with values computed when it is made."""

import json
from datetime import UTC, datetime

from radbridge.contracts.dialects.neijiang_v0_94 import answers, examples, signature
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient

PRINTED_ACCESS_KEY = "a"
PRINTED_REQUEST: dict[str, object] = {
    "hospitalCode": "b",
    "ICCard": "c",
    "smrCode": "d",
    "timeStamp": "1640145238083",
    "opName": "zhang",
    "opUid": "001f",
}
"""The standard's own example. Its access secret is empty."""


def signature_section() -> str:
    """Markdown: how a request is signed and answered, with an example to compare with."""
    text = f"{PRINTED_ACCESS_KEY}{signature.signed_parameters(PRINTED_REQUEST)}"
    value = signature.sign(PRINTED_REQUEST, access_key=PRINTED_ACCESS_KEY, access_secret="")
    without_code = signature.sign({**PRINTED_REQUEST, "smrCode": ""}, access_key=PRINTED_ACCESS_KEY, access_secret="")
    success, failure = (json.dumps(a, ensure_ascii=False) for a in (answers.success({}), answers.failure("…")))
    wrong = json.dumps(answers.wrong_signature(), ensure_ascii=False)
    patient = ExamplePatient()
    query = examples.ExampleQuery(
        asked_at=datetime(2026, 1, 6, 1, 0, tzinfo=UTC),
        name=patient.name,
        resident_id=patient.resident_id,
        birth_date=patient.birth_date,
    )
    mark = examples.mark_body(query, origin_hospital_code="12140000MB1X000107", report_id="R0000001")
    flat = examples.flat_mark_body(query, origin_hospital_code="12140000MB1X000107", item_code="BW23ZYZZZ-00")
    return f"""## Signature and answers

Headers `accessKey` and `sign`:

```
sign = UPPER(MD5(accessKey + name=value&name=value… + accessSecret))        32 hexadecimal digits, UTF-8
```

The names, in this order: `hospitalCode`, `idCard`, `smrCode`, `timeStamp`, `opName`, `opUid`, `reportRequired`. Names
without a value are left out; `idCard` takes the value of `ICCard`. The institution's settings may allow ascending ASCII
order, and the middle 16 digits that the print shows.

Every answer is HTTP 200: `{success}`, `{failure}`, or for a wrong access key or signature
`{wrong}`.

### Worked example

The standard's own example, with access key `{PRINTED_ACCESS_KEY}` and an empty secret. The print shows digits 9 to 24
of the result.

```
{text}
{value}
```

The same without `smrCode`: `{without_code}`.

### A complete query (501)

```json
{_pretty(examples.query_parameters(query))}
```

### A mark, in either printed shape

```json
{_pretty(mark)}
```

```json
{_pretty(flat)}
```
"""


def _pretty(record: dict[str, object]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False)
