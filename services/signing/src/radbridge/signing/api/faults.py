"""Every fault of a request at once, by field, in the form of the validation errors (``errors`` of a problem)."""

import base64
import binascii
from dataclasses import dataclass, field

from radbridge.runtime.problems import Problem


@dataclass(frozen=True, slots=True)
class Faults:
    """Collects what is wrong; ``field`` is the path inside the body (``roots[0]``), messages are for people."""

    found: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def add(self, name: str, rule: str, message: str) -> None:
        self.found.append({"field": name, "rule": rule, "message": message})

    def decoded(self, name: str, text: str) -> bytes:
        """What the base64 text stands for; empty, with a fault, where it is none."""
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            self.add(name, "base64", "不是规范的Base64编码")
            return b""

    def raise_any(self) -> None:
        """
        :raises Problem: 422 with all of them, where there are any.
        """
        if self.found:
            raise Problem(422, "The request is not valid", extra={"errors": self.found})
