"""Names that a CA may give certificates for (RFC 5280 clause 4.2.1.10).

Directory names are compared; of any other form, a name that a constraint speaks of is refused, as the clause allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.names import NameKey, name_key

_DIRECTORY_NAME, _EMAIL = 4, 1
_MAX_NAMES = 256


@dataclass(frozen=True, slots=True)
class _Constraints:
    """Subtrees of directory names; `other_forms` are the further forms that are constrained, by their tag numbers."""

    permitted: tuple[NameKey, ...]
    excluded: tuple[NameKey, ...]
    other_forms: frozenset[int]


def names_allowed(issuer: Certificate, below: Sequence[Certificate]) -> bool:
    """Whether `issuer` may have certificates `below` it with their names, in any generation."""
    value = issuer.extensions.name_constraints
    if value is None:
        return True
    try:
        constraints = _parse(value)
        return all(_allows(constraints, certificate) for certificate in below)
    except DerError:
        return False


def _allows(constraints: _Constraints, certificate: Certificate) -> bool:
    names, forms = _names_of(certificate)
    if not forms.isdisjoint(constraints.other_forms):
        return False
    if any(_is_within(name, base) for name in names for base in constraints.excluded):
        return False
    return not constraints.permitted or all(
        any(_is_within(name, base) for base in constraints.permitted) for name in names
    )


def _is_within(name: NameKey, base: NameKey) -> bool:
    return name[: len(base)] == base


def _names_of(certificate: Certificate) -> tuple[list[NameKey], set[int]]:
    """The certificate's directory names, and the other forms of name that it has."""
    names = [certificate.subject_key] if certificate.subject_key else []
    forms: set[int] = set()
    if any(oid == oids.EMAIL_ADDRESS for attributes in certificate.subject_key for oid, _ in attributes):
        forms.add(_EMAIL)
    if certificate.extensions.alternative_names is not None:
        for name in der.parse(certificate.extensions.alternative_names).children(_MAX_NAMES):
            if name.tag == der.context(_DIRECTORY_NAME):
                names.append(_directory_name(name))
            else:
                forms.add(name.tag & 0x1F)
    return names, forms


@lru_cache(maxsize=64)
def _parse(value: bytes) -> _Constraints:
    fields = der.parse(value).expect(der.SEQUENCE, "nameConstraints").cursor()
    permitted, excluded = (list(_bases(fields.optional(der.context(number)))) for number in (0, 1))
    fields.finish("nameConstraints")
    forms = {base.tag & 0x1F for base in (*permitted, *excluded)}
    return _Constraints(
        *(
            tuple(_directory_name(base) for base in bases if base.tag == der.context(_DIRECTORY_NAME))
            for bases in (permitted, excluded)
        ),
        frozenset(forms - {_DIRECTORY_NAME}),
    )


def _bases(subtrees: der.Element | None) -> Iterator[der.Element]:
    for subtree in () if subtrees is None else subtrees.children(_MAX_NAMES):
        fields = subtree.expect(der.SEQUENCE, "GeneralSubtree").cursor()
        yield fields.take(what="base")
        # minimum and maximum must not be used
        fields.finish("GeneralSubtree")


def _directory_name(name: der.Element) -> NameKey:
    return name_key(name.cursor().take(der.SEQUENCE, "directoryName").raw)
