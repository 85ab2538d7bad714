"""Which kinds of file are drawn otherwise than earlier versions of the program drew them."""

from __future__ import annotations

from cxr_explorer.images.image_formats import DICOM, JPEG_2000, PNG, TIFF, identify

REDRAWN_VERSION = 2
"""Raise it, and widen `may_be_redrawn`, when some kinds of file get another picture; when all do, raise
`RENDERING_VERSION`, which changes every embedding's key.

2: padding, shutters, overlays and windows of DICOM; isolated extremes and colour of 16 bits in PNG, TIFF and JPEG 2000.
"""

_PNG_DEPTH_AT = 24


def may_be_redrawn(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES may have another picture than before REDRAWN_VERSION.

    JPEG, WebP, BMP and PNG of 8 bits have not.
    """
    format = identify(head)
    if format is PNG:
        return head[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1] == b"\x10"
    return format in (DICOM, TIFF, JPEG_2000)
