"""Mutants of signatures, tokens, seals and documents, drawn from a seed.

A failure tells its seed: RADBRIDGE_FUZZ_SEED replays it, RADBRIDGE_FUZZ_COUNT sets how many mutants are judged (2,000;
``make soak`` 100,000).
"""

from __future__ import annotations

import io
import os
import random
import zipfile

from radbridge.signing.trial_seal import TrialSealer

COUNT = int(os.environ.get("RADBRIDGE_FUZZ_COUNT", "2000"))
SEED = int(os.environ.get("RADBRIDGE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
INTERESTING = (b"\x00", b"\x80", b"\xff", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x1f", b"\x02\x00", b"\x00\x00")


def mutant(source: random.Random, data: bytes) -> bytes:
    """`data` after one to four changes of bits, bytes, lengths and whole pieces."""
    octets = bytearray(data)
    for _ in range(source.randint(1, 4)):
        if not octets:
            break
        at = source.randrange(len(octets))
        span = min(len(octets) - at, source.choice((1, 2, 8, 64, 1024)))
        match source.randrange(7):
            case 0:
                octets[at] ^= 1 << source.randrange(8)
            case 1:
                octets[at] = source.randrange(256)
            case 2:
                del octets[at : at + span]
            case 3:
                octets[at:at] = octets[at : at + span] * source.choice((1, 1, 2, 50))
            case 4:
                del octets[at:]
            case 5:
                octets[at : at + 1] = source.choice(INTERESTING)
            case _:
                other = source.randrange(len(octets))
                octets[at : at + span] = octets[other : other + span]
    return bytes(octets)


def small_ofd(sealer: TrialSealer) -> bytes:
    buffer = io.BytesIO()
    description = (
        b'<S><References CheckMethod="SM3"><Reference FileRef="/OFD.xml"><CheckValue>AA==</CheckValue></Reference>'
    )
    description += b"</References><SignedValue>v</SignedValue></S>"
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("OFD.xml", "<OFD><Signatures>s.xml</Signatures></OFD>")
        package.writestr("s.xml", '<S><Signature BaseLoc="d.xml"/></S>')
        package.writestr("d.xml", description)
        package.writestr("v", sealer.ses(description))
    return buffer.getvalue()
