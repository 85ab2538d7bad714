"""A place of its own for encoders that tests add."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for what is added."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(
        "cxr_explorer.encoder.checkpoint.user_data_path", lambda *_, **__: tmp_path / "data" / "cxr-explorer"
    )
    return tmp_path / "data"
