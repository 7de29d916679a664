"""The pure verification engine: bytes and a moment in, a verdict out.

No HTTP, no database, no clock. Layers, lowest first: `der`, `oids`, `sm3` and `sm2*` (arithmetic), `public_key`,
`certificate`, `crl`, `ocsp*`, `trust_store`, `chain` (who may be believed), `pkcs1`, `cms`, `pkcs7`, `timestamp`, `ses`
(signature forms), `pdf_seal`, `ofd_seal` (documents), `report_verdict` and `cases` (whole judgements). Hostile input
ends in a verdict: the typed errors of this package derive from `errors.SigningInputError` and never leave a `judge_*`
function.
"""
