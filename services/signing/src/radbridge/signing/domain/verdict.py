"""A verdict is a list of named checks, each with its result and a reason in Chinese that names the wire field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CheckResult(StrEnum):
    """FAILED rejects; a FINDING is told and rejects nothing; SKIPPED says why a check could not be made."""

    PASSED = "passed"
    FAILED = "failed"
    FINDING = "finding"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: stable English `name`, `reason` in Chinese without personal data, `field` of the wire it speaks of."""

    name: str
    result: CheckResult
    reason: str
    field: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name, "result": self.result.value, "reason": self.reason, "field": self.field}


class Outcome(StrEnum):
    """The decided states of the wire's `verdict` (`pending` is the caller's, before judging)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Verdict:
    """Checks in the order made, and the evidence (hashes, serial numbers, CRL number, times) that they rest on."""

    checks: tuple[Check, ...]
    evidence: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def outcome(self) -> Outcome:
        return Outcome.REJECTED if any(c.result is CheckResult.FAILED for c in self.checks) else Outcome.ACCEPTED

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED

    @property
    def findings(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.result is CheckResult.FINDING)

    @property
    def reason(self) -> str:
        """The failed checks' reasons, or what was found, or that all is well; each with its wire field in front."""
        failed = [c for c in self.checks if c.result is CheckResult.FAILED]
        told = failed or self.findings
        if not told:
            return "验证通过"
        text = "；".join(f"{c.field}：{c.reason}" if c.field else c.reason for c in told)
        return text if failed else f"验证通过，提示：{text}"
