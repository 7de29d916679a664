"""Which certificates a revocation list is about (RFC 5280 clauses 5.2.4, 5.2.5 and 6.3.3).

A list that is not about a certificate says nothing where it does not list it: it is no coverage. What it does list is
revoked all the same, for a serial number means one certificate of its issuer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.der_write import encode
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.names import NameKey, name_key

PointName = bytes | NameKey
"""A name of a distribution point: a directory name in comparable form, any other GeneralName as sent."""

_UNDERSTOOD_EXTENSIONS = frozenset(
    {oids.AUTHORITY_KEY_IDENTIFIER, oids.CRL_NUMBER, oids.ISSUING_DISTRIBUTION_POINT, oids.DELTA_CRL_INDICATOR}
)
_MAX_NAMES = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list says of its own reach; `points` is None for a list that is no partition of its issuer's."""

    points: frozenset[PointName] | None = None
    only_users: bool = False
    only_cas: bool = False
    only_attributes: bool = False
    some_reasons: bool = False
    indirect: bool = False
    delta: bool = False
    unknown_critical: bool = False

    @property
    def partial(self) -> bool:
        """Whether the list is coverage for no certificate at all, though what it lists is revoked."""
        return self.delta or self.some_reasons or self.only_attributes or self.unknown_critical

    def covers(self, certificate: Certificate) -> bool:
        """Whether `certificate` is good as far as it goes where the list does not list it."""
        if self.partial or self.indirect:
            return False
        if self.only_cas if not certificate.extensions.ca else self.only_users:
            return False
        return self.points is None or not self.points.isdisjoint(_points_of(certificate))

    @property
    def told(self) -> str:
        """The reach in Chinese, empty for a list of all certificates of its issuer."""
        kinds = {
            "含有不能识别的关键扩展项，只用于认定列出的证书已被吊销": self.unknown_critical,
            "增量列表（delta），只用于认定列出的证书已被吊销": self.delta,
            "只含部分吊销原因（onlySomeReasons），只用于认定列出的证书已被吊销": self.some_reasons,
            "只针对属性证书": self.only_attributes,
            "只针对用户证书": self.only_users,
            "只针对CA证书": self.only_cas,
            "只针对其分发点的证书": self.points is not None,
        }
        return "；".join(text for text, applies in kinds.items() if applies)


def list_scope(extensions: Mapping[str, tuple[bool, bytes]], issuer: bytes) -> Scope:
    """The scope by a list's extensions, OID to (critical, value); DerError where one is malformed."""
    unknown = any(critical and oid not in _UNDERSTOOD_EXTENSIONS for oid, (critical, _) in extensions.items())
    delta = oids.DELTA_CRL_INDICATOR in extensions
    found = extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
    if found is None:
        return Scope(delta=delta, unknown_critical=unknown)
    fields = der.parse(found[1]).expect(der.SEQUENCE, "issuingDistributionPoint").cursor()
    point = fields.optional(der.context(0))
    only_users, only_cas = _flag(fields, 1), _flag(fields, 2)
    some_reasons = fields.optional(der.context(3, constructed=False)) is not None
    indirect, only_attributes = _flag(fields, 4), _flag(fields, 5)
    fields.finish("issuingDistributionPoint")
    return Scope(
        points=None if point is None else _partition(point, issuer),
        only_users=only_users,
        only_cas=only_cas,
        only_attributes=only_attributes,
        some_reasons=some_reasons,
        indirect=indirect,
        delta=delta,
        unknown_critical=unknown,
    )


def _partition(point: der.Element, issuer: bytes) -> frozenset[PointName]:
    """The names of a list's distribution point; an odd form has none, so that the list vouches for nobody."""
    try:
        return frozenset(_names(point, issuer))
    except DerError:
        return frozenset()


def _flag(fields: der.Cursor, number: int) -> bool:
    """A BOOLEAN DEFAULT FALSE under an implicit tag."""
    element = fields.optional(der.context(number, constructed=False))
    if element is None:
        return False
    if element.content not in (b"\x00", b"\xff"):
        raise DerError("boolean is not 00 or FF")
    return element.content == b"\xff"


def _points_of(certificate: Certificate) -> frozenset[PointName]:
    """The names of the certificate's distribution points that its issuer serves itself for all reasons, and the one
    that every certificate has without naming it: its issuer (RFC 5280 clause 6.3.3). An odd form has no further."""
    names: set[PointName] = {certificate.issuer_key}
    value = certificate.extensions.crl_points
    if value is None:
        return frozenset(names)
    try:
        for point in der.parse(value).expect(der.SEQUENCE, "cRLDistributionPoints").children(_MAX_NAMES):
            fields = point.cursor()
            named = fields.optional(der.context(0))
            if named is not None and fields.exhausted:
                names |= _names(named, certificate.issuer)
    except DerError:
        pass
    return frozenset(names)


def _names(point: der.Element, issuer: bytes) -> set[PointName]:
    """The names of a DistributionPointName: full ones, or the issuer's name with one further part."""
    wrapper = point.cursor()
    choice = wrapper.take(what="distributionPoint")
    wrapper.finish("distributionPoint")
    if choice.tag == der.context(1):
        return {name_key(encode(der.SEQUENCE, der.parse(issuer).content + encode(der.SET, choice.content)))}
    names: set[PointName] = set()
    for name in choice.expect(der.context(0), "fullName").children(_MAX_NAMES):
        is_directory = name.tag == der.context(4)
        names.add(name_key(name.cursor().take(der.SEQUENCE, "directoryName").raw) if is_directory else name.raw)
    return names
