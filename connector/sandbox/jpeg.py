"""JPEG files: plain grey ones made for portraits that nobody uploaded, and the size of any.

Source: ITU-T T.81, baseline sequential coding.
"""

from __future__ import annotations

import struct

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of the segments that tell the size."""


def grey_square(side: int, shade: int) -> bytes:
    """A square of `side` pixels; `shade` is from 1 (black) to 64 (dark grey)."""
    blocks = ((side + 7) // 8) ** 2
    # One block says the level, all others repeat it: `0` means no difference, `10` that 7 bits follow.
    bits = f"10{shade - 1:07b}0" + "00" * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            _segment(0xDB, b"\x00" + bytes([8] * 64)),
            _segment(0xC0, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00"),
            _segment(0xC4, b"\x00" + bytes([1, 1] + [0] * 14) + b"\x00\x07"),
            _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\x00"),
            _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            data,
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None when it is no JPEG file."""
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
