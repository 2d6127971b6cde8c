"""QuickXorHash, the checksum that OneDrive for work and SharePoint give for every file.

Every byte is XORed into a ring of 160 bits, each 11 bits further than the one before; the length goes into
the last 8 bytes. After 160 bytes the positions repeat, so blocks of 160 bytes can first be XORed together.
Source: Microsoft: Code Snippets: QuickXorHash Algorithm.
"""

from __future__ import annotations

import base64
from typing import IO

_RING_BITS = 160
_STEP_BITS = 11
_PERIOD_BYTES = 160
_BLOCKS = 4096
_READ_BYTES = _PERIOD_BYTES * _BLOCKS


def quick_xor_hash(file: IO[bytes]) -> str:
    """The hash of everything from here to the end of a file, in Base64 as Graph shows it."""
    folded = length = 0
    while data := file.read(_READ_BYTES):
        folded ^= int.from_bytes(data, "little")
        length += len(data)
    blocks = _BLOCKS
    while blocks > 1:
        blocks //= 2
        half_bits = blocks * _PERIOD_BYTES * 8
        if folded.bit_length() > half_bits:
            folded = (folded >> half_bits) ^ (folded & ((1 << half_bits) - 1))
    ring = 0
    for index, byte in enumerate(folded.to_bytes(_PERIOD_BYTES, "little")):
        shifted = byte << (index * _STEP_BITS % _RING_BITS)
        ring ^= (shifted >> _RING_BITS) ^ (shifted & ((1 << _RING_BITS) - 1))
    ring ^= length << (_RING_BITS - 64)
    return base64.b64encode(ring.to_bytes(_RING_BITS // 8, "little")).decode()
