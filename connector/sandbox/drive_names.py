"""Names of files and folders: which are allowed, which are the same, which are free, what type they mean.

Source: Microsoft: Restrictions and limitations in OneDrive and SharePoint; How to address resources in a
drive.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Container
from pathlib import PurePosixPath

from .answers import GraphError

LONGEST_NAME = 255
LONGEST_PATH = 400

_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f]')
_RESERVED = re.compile(r"(?:\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini)", re.IGNORECASE)
_OFFICE = "application/vnd.openxmlformats-officedocument"
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".md": "text/markdown",
}
_mime_types = mimetypes.MimeTypes()


def name_key(name: str) -> str:
    """What two names must share to be the same: neither case nor Unicode composition makes a difference."""
    return unicodedata.normalize("NFC", name).casefold()


def check_name(name: object, *, is_folder: bool) -> str:
    """The name if a new item may have it; raises GraphError (400)."""
    if not isinstance(name, str) or not name:
        raise _invalid("The name of the item is missing.")
    if len(name) > LONGEST_NAME:
        raise _invalid(f"The name is longer than {LONGEST_NAME} characters.")
    forbidden = (
        _FORBIDDEN.search(name)
        or _RESERVED.fullmatch(name)
        or name != name.strip(" ")
        or name.startswith("~")
        or "_vti_" in name.casefold()
        or (is_folder and name.endswith("."))
        or name in (".", "..")
    )
    if forbidden:
        raise _invalid("The provided name cannot contain any of the forbidden characters or forms.")
    return name


def check_path(names: tuple[str, ...]) -> None:
    """Raise 400 for a path that is longer than a library takes."""
    if len("/".join(names)) > LONGEST_PATH:
        raise GraphError(
            400, "invalidRequest", f"The path of the item is longer than {LONGEST_PATH} characters."
        )


def free_name(name: str, taken: Container[str]) -> str:
    """The name, or with the first number that makes it free: `a.txt`, `a 1.txt`; `taken` holds name keys."""
    path = PurePosixPath(name)
    number, candidate = 0, name
    while name_key(candidate) in taken:
        number += 1
        candidate = f"{path.stem} {number}{path.suffix}"
    return candidate


def media_type(name: str) -> str:
    """The media type that OneDrive derives from a name."""
    suffix = PurePosixPath(name).suffix.casefold()
    return _MEDIA_TYPES.get(suffix) or _mime_types.guess_type(f"x{suffix}")[0] or "application/octet-stream"


def _invalid(message: str) -> GraphError:
    return GraphError(400, "invalidRequest", message)
