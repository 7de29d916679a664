"""What the gateways of one set of stand-ins share."""

from dataclasses import dataclass, field

from radbridge.notify.stand_ins.callbacks import CallbackPoster, CallbackUrls
from radbridge.notify.stand_ins.faults import Faults
from radbridge.notify.stand_ins.ledger import Ledger
from radbridge.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Bench:
    """Clock, memory, ordered troubles and callbacks."""

    clock: Clock
    urls: CallbackUrls
    poster: CallbackPoster
    ledger: Ledger = field(default_factory=Ledger)
    faults: Faults = field(default_factory=Faults)
