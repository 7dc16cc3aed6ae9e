"""What can go wrong, each with the HTTP status that tells the other side.

    OriginError                    status, one line saying what and how much
    ├── MediaError                 the bytes of an upload
    │   ├── MalformedBox       400 not a box, or a box that contradicts itself
    │   ├── TruncatedUpload    400 the upload ended inside a box
    │   └── BoxTooLarge        413 a box, or a chunk, over its limit
"""

from __future__ import annotations


class OriginError(Exception):
    """Anything the other side did that has an answer; ``str()`` is the one line of the answer."""

    status = 500


class MediaError(OriginError):
    """The bytes of an upload are not what they began as."""

    status = 400


class MalformedBox(MediaError):
    """Not a box, or a box that contradicts itself (ISO/IEC 14496-12 §4.2)."""


class TruncatedUpload(MediaError):
    """The upload ended inside a box."""


class BoxTooLarge(MediaError):
    """A box, or a chunk, larger than its limit."""

    status = 413
