"""A small real PDF of one page, for files that are asked for in that format."""

from __future__ import annotations

_LINE_CHARACTERS = 90
_LINES = 50


def pdf_of(title: str, text: str) -> bytes:
    """One A4 page with a title and the first lines of a text; other characters than Latin-1 become `?`."""
    lines = [title, "", *(line[:_LINE_CHARACTERS] for line in text.splitlines()[:_LINES])]
    shown = b" T* ".join(b"(%b) Tj" % _escaped(line) for line in lines)
    page = b"BT /F1 11 Tf 56 780 Td 14 TL %b ET" % shown
    objects = (
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources <</Font <</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(page), page),
        b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>",
    )
    document = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    start = len(document)
    return document + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, start)
    )


def _escaped(line: str) -> bytes:
    encoded = line.encode("latin-1", "replace")
    return encoded.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
