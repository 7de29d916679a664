"""What the gateways of one set of stand-ins share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from radbridge.notify.stand_ins.callbacks import CallbackPoster, CallbackUrls
from radbridge.notify.stand_ins.faults import Faults
from radbridge.notify.stand_ins.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Bench:
    """Clock, memory, ordered troubles and callbacks."""

    clock: Callable[[], datetime]
    urls: CallbackUrls
    poster: CallbackPoster
    ledger: Ledger = field(default_factory=Ledger)
    faults: Faults = field(default_factory=Faults)
