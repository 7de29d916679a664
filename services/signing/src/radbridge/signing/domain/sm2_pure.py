"""SM2 in Python alone, for interpreters whose system libcrypto has no SM2.

Verification adds up u·G from a fixed table of byte windows and t·Q from signed windows over two halves of t, with
per-key tables kept. It is not constant-time: verification handles no secret, and signing here is the fallback of a
machine that has nothing better.
"""

from __future__ import annotations

import secrets
from functools import cache, lru_cache

from radbridge.signing.domain.sm2_curve import GX, GY, N, P

Affine = tuple[int, int]
Jacobian = tuple[int, int, int]

_INFINITY: Jacobian = (1, 1, 0)
_WINDOW = 6
_HALF = 1 << 128


class PureSm2:
    """The `Sm2Backend` of `sm2` without any C library."""

    name = "python"

    def verify_digest(self, point: bytes, e: bytes, r: int, s: int) -> bool:
        """Whether (r, s), both in range, signs the digest `e` under the checked 64-byte `point`."""
        odd_low, odd_high = _key_tables(point)
        t = (r + s) % N
        x, _, z = _base_multiple(s, _windowed(((t % _HALF, odd_low), (t // _HALF, odd_high))))
        if z == 0:
            return False
        affine_x = x * pow(z * z, -1, P) % P
        return (int.from_bytes(e, "big") + affine_x - r) % N == 0

    def sign_digest(self, private_key: int, e: bytes) -> tuple[int, int]:
        """(r, s) over the digest `e` (GM/T 0003.2 clause 6.1)."""
        while True:
            if (signed := sign_with_nonce(private_key, e, secrets.randbelow(N - 1) + 1)) is not None:
                return signed


def sign_with_nonce(private_key: int, e: bytes, k: int) -> tuple[int, int] | None:
    """(r, s) for the nonce `k`, or None where the standard demands another one."""
    x, _ = _affine(_base_multiple(k))
    r = (int.from_bytes(e, "big") + x) % N
    s = pow(1 + private_key, -1, N) * (k - r * private_key) % N
    return None if r == 0 or s == 0 or r + k == N else (r, s)


def public_point(private_key: int) -> bytes:
    """X‖Y of private_key·G."""
    x, y = _affine(_base_multiple(private_key))
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P, 2 * y * z % P


def _add_affine(point: Jacobian, other: Affine) -> Jacobian:
    x1, y1, z1 = point
    x2, y2 = other
    if z1 == 0:
        return x2, y2, 1
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    rr = (y2 * zz * z1 - y1) % P
    if h == 0:
        return _double(point) if rr == 0 else _INFINITY
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (rr * rr - hhh - 2 * v) % P
    return x3, (rr * (v - x3) - y1 * hhh) % P, h * z1 % P


def _affine(point: Jacobian) -> Affine:
    return _all_affine([point])[0]


def _all_affine(points: list[Jacobian]) -> list[Affine]:
    """All points affine with one inversion; none may be at infinity."""
    running = [1]
    for _, _, z in points:
        running.append(running[-1] * z % P)
    inverse = pow(running[-1], -1, P)
    found: list[Affine] = []
    for index in range(len(points) - 1, -1, -1):
        x, y, z = points[index]
        z_inverse = inverse * running[index] % P
        inverse = inverse * z % P
        zz = z_inverse * z_inverse % P
        found.append((x * zz % P, y * zz * z_inverse % P))
    found.reverse()
    return found


def _odd_multiples(base: Affine) -> list[Affine]:
    """1, 3, 5, … times `base`, as many as a signed window needs."""
    twice = _affine(_double((*base, 1)))
    multiples: list[Jacobian] = [(*base, 1)]
    for _ in range((1 << (_WINDOW - 2)) - 1):
        multiples.append(_add_affine(multiples[-1], twice))
    return _all_affine(multiples)


@lru_cache(maxsize=1024)
def _key_tables(point: bytes) -> tuple[list[Affine], list[Affine]]:
    base = (int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big"))
    high: Jacobian = (*base, 1)
    for _ in range(128):
        high = _double(high)
    return _odd_multiples(base), _odd_multiples(_affine(high))


def _signed_windows(scalar: int) -> list[int]:
    """The width-w non-adjacent form, least significant digit first."""
    digits: list[int] = []
    full, half = 1 << _WINDOW, 1 << (_WINDOW - 1)
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar % full
            if digit >= half:
                digit -= full
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


def _windowed(terms: tuple[tuple[int, list[Affine]], ...]) -> Jacobian:
    """The sum of scalar·point over all terms, by shared doublings."""
    steps = [(_signed_windows(scalar), table) for scalar, table in terms]
    total = _INFINITY
    for position in range(max(len(digits) for digits, _ in steps) - 1, -1, -1):
        if total[2]:
            total = _double(total)
        for digits, table in steps:
            digit = digits[position] if position < len(digits) else 0
            if digit > 0:
                total = _add_affine(total, table[digit >> 1])
            elif digit:
                x, y = table[-digit >> 1]
                total = _add_affine(total, (x, P - y))
    return total


@cache
def _base_table() -> list[list[Affine]]:
    """For each of 32 bytes of a scalar the 255 multiples of G that it can stand for."""
    table: list[list[Affine]] = []
    base: Affine = (GX, GY)
    for _ in range(32):
        row: list[Jacobian] = [(base[0], base[1], 1)]
        row.append(_double(row[0]))
        for _ in range(254):
            row.append(_add_affine(row[-1], base))
        affine = _all_affine(row)
        base = affine.pop()
        table.append(affine)
    return table


def _base_multiple(scalar: int, total: Jacobian = _INFINITY) -> Jacobian:
    """total + scalar·G."""
    for row, octet in zip(_base_table(), scalar.to_bytes(32, "little"), strict=True):
        if octet:
            total = _add_affine(total, row[octet - 1])
    return total
