"""Sections that exam and report records share."""

from radbridge.contracts.dialects.codec import TEXT, UPPER_CASE_TEXT, Field, Section, several
from radbridge.contracts.dialects.shanxi_v2_1.codes import DOCUMENT_TYPE
from radbridge.contracts.model.people import Department, Practitioner

COMMA = ",，"
"""Separators of most fields with several values: printed sometimes full-width, sometimes not."""
TEXTS = several(COMMA, TEXT)


def department(code: str, name: str) -> Section[object]:
    """A department from the names of its two wire fields."""
    return Section(Department, (Field("code", code, TEXT), Field("name", name, TEXT)))


def practitioner(**params: str) -> Section[object]:
    """A practitioner from the wire fields of the attributes that the record has."""
    converters = {"document_type": DOCUMENT_TYPE, "document_number": UPPER_CASE_TEXT}
    fields = (Field(attribute, param, converters.get(attribute, TEXT)) for attribute, param in params.items())
    return Section(Practitioner, tuple(fields))
