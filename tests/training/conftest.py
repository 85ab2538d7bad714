"""What tests of training share."""

import pytest

from cxr_explorer.encoder.model import ARCHITECTURES
from tests.training.narrow import Narrow


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a few thousand weights in resnet18's place."""
    monkeypatch.setitem(ARCHITECTURES, "resnet18", Narrow)
