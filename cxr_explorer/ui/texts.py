"""Labels with a role that the style sheet knows."""

from __future__ import annotations

from typing import Literal

from PySide6.QtWidgets import QLabel


def text_label(text: str = "", role: Literal["heading", "dim", "warning", ""] = "", wraps: bool = False) -> QLabel:
    """A QLabel in the style of its role."""
    label = QLabel(text)
    label.setObjectName(role)
    label.setWordWrap(wraps)
    return label
