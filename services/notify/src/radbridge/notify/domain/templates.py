"""Our templates, and how each is said in a vendor's.

A template here is a key and the variables it takes. Vendors hold the audited text under ids of the customer's account,
so a ``VendorTemplate`` maps our variables to that template's fields; it is data of the installation. Variables are of a
few closed kinds: none of them can carry a finding, a diagnosis or a full name, whatever an event says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from radbridge.notify.domain.field_rules import FIELD_RULES, FieldKind, fits, on_one_line, shorten, wechat_kind
from radbridge.notify.domain.local_time import SHANGHAI
from radbridge.notify.domain.messages import ChannelName, RenderedTemplate

SMS_CHANNELS = frozenset({ChannelName.ALIYUN_SMS, ChannelName.TENCENT_SMS})


class TemplateError(ValueError):
    """A template or its values cannot be sent. Names template, field and rule, never the value."""

    def __init__(self, template: str, field: str, rule: str) -> None:
        super().__init__(f"template {template}, {field}: {rule}")
        self.template = template
        self.field = field
        self.rule = rule


class VariableKind(StrEnum):
    """What a template may speak of. ``person_name`` is always masked when rendered."""

    PERSON_NAME = "person_name"
    INSTITUTION_NAME = "institution_name"
    MOMENT = "moment"
    LINK_CODE = "link_code"


@dataclass(frozen=True, slots=True)
class Template:
    """An internal template: its key and its variables."""

    key: str
    variables: Mapping[str, VariableKind]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One field of a vendor's template, filled from ``variable`` or with ``constant`` (exactly one of them).

    ``limit`` is the length for which the account's template was audited, where that is not the vendor's general one.
    """

    field: str
    variable: str | None = None
    constant: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class VendorTemplate:
    """``template_key`` as registered with one channel's vendor. The order of ``fields`` is the vendor's order."""

    template_key: str
    channel: ChannelName
    vendor_template_id: str
    fields: tuple[FieldMapping, ...]


REPORT_READY = Template(
    "report_ready",
    {
        "patient_name": VariableKind.PERSON_NAME,
        "hospital_name": VariableKind.INSTITUTION_NAME,
        "reported_at": VariableKind.MOMENT,
        "link_code": VariableKind.LINK_CODE,
    },
)
TEMPLATES: Mapping[str, Template] = {REPORT_READY.key: REPORT_READY}

# Tencent documents 6 characters for the variables of notices unless the account was given more: no hospital there, and
# the link's code needs an account with 12.
REPORT_READY_FIELDS: Mapping[ChannelName, tuple[FieldMapping, ...]] = {
    ChannelName.ALIYUN_SMS: (
        FieldMapping("name", "patient_name"),
        FieldMapping("hospital", "hospital_name"),
        FieldMapping("code", "link_code"),
    ),
    ChannelName.TENCENT_SMS: (
        FieldMapping("1", "patient_name", limit=6),
        FieldMapping("2", "link_code", limit=12),
    ),
    ChannelName.WECHAT_OFFICIAL: (
        FieldMapping("thing1", "patient_name"),
        FieldMapping("thing2", "hospital_name"),
        FieldMapping("time3", "reported_at"),
        FieldMapping("thing4", constant="点击查看报告与影像"),
    ),
    ChannelName.WECHAT_MINI: (
        FieldMapping("thing1", "patient_name"),
        FieldMapping("thing2", "hospital_name"),
        FieldMapping("time3", "reported_at"),
        FieldMapping("phrase4", constant="已出报告"),
    ),
}


def mask_name(name: str) -> str:
    """The first character and an asterisk: 张三丰 -> 张*. An asterisk alone for an empty name."""
    return on_one_line(name)[:1] + "*"


class TemplateCatalogue:
    """The vendor templates of one installation, checked when it is made.

    Raises TemplateError for a mapping of an unknown template, variable or field kind: a wrong setting stops the start.
    """

    def __init__(self, vendor_templates: tuple[VendorTemplate, ...]) -> None:
        self._vendor_templates = {(vendor.template_key, vendor.channel): vendor for vendor in vendor_templates}
        for vendor in vendor_templates:
            _check_mapping(vendor)

    def channels(self, template_key: str) -> frozenset[ChannelName]:
        """The channels on which ``template_key`` can be sent here."""
        return frozenset(channel for key, channel in self._vendor_templates if key == template_key)

    def render(self, template_key: str, channel: ChannelName, values: Mapping[str, str | datetime]) -> RenderedTemplate:
        """Fill, mask, format and shorten so that the vendor takes every field.

        Raises TemplateError where the template is not registered for ``channel``, a value is missing, or a value that
        may not be shortened (a code, a time) breaks its field's rule.
        """
        vendor = self._vendor_templates.get((template_key, channel))
        if vendor is None:
            raise TemplateError(template_key, str(channel), "not registered for this channel")
        fields = tuple((mapping.field, _fill(vendor, mapping, values)) for mapping in vendor.fields)
        return RenderedTemplate(vendor.vendor_template_id, fields)


def _field_kind(channel: ChannelName, field: str) -> FieldKind:
    return FieldKind.SMS_VARIABLE if channel in SMS_CHANNELS else wechat_kind(field)


def _check_mapping(vendor: VendorTemplate) -> None:
    template = TEMPLATES.get(vendor.template_key)
    if template is None:
        raise TemplateError(vendor.template_key, "template_key", "unknown template")
    for mapping in vendor.fields:
        try:
            kind = _field_kind(vendor.channel, mapping.field)
        except ValueError as error:
            raise TemplateError(template.key, mapping.field, "unknown field kind") from error
        if (mapping.variable is None) == (mapping.constant is None):
            raise TemplateError(template.key, mapping.field, "needs either a variable or a constant")
        if mapping.variable is not None and mapping.variable not in template.variables:
            raise TemplateError(template.key, mapping.field, f"unknown variable {mapping.variable}")
        if mapping.constant is not None and not fits(kind, mapping.constant, mapping.limit):
            raise TemplateError(template.key, mapping.field, f"constant does not fit {kind}")


def _fill(vendor: VendorTemplate, mapping: FieldMapping, values: Mapping[str, str | datetime]) -> str:
    if mapping.variable is None:
        return mapping.constant or ""
    variable_kind = TEMPLATES[vendor.template_key].variables[mapping.variable]
    value = values.get(mapping.variable)
    if value is None:
        raise TemplateError(vendor.template_key, mapping.field, f"{mapping.variable} is missing")
    kind = _field_kind(vendor.channel, mapping.field)
    rule = FIELD_RULES[kind]
    text = _as_text(variable_kind, value)
    if rule.prose and variable_kind is not VariableKind.LINK_CODE:
        text = shorten(text, mapping.limit or rule.limit)
    if not fits(kind, text, mapping.limit):
        raise TemplateError(vendor.template_key, mapping.field, f"value does not fit {kind}")
    return text


def _as_text(kind: VariableKind, value: str | datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y年%m月%d日 %H:%M")
    if kind is VariableKind.PERSON_NAME:
        return mask_name(value)
    return on_one_line(value)
