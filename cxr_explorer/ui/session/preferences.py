"""What the person at the window has chosen, kept between two starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal

from cxr_explorer.encoder.checkpoint import EncoderInfo, default_encoder, known_encoders, read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.labels.reader_names import check_reader, is_reserved
from cxr_explorer.ui.session.recent import RecentProjects

DEFAULT_READER = "reader 1"


class Preferences(QObject):
    """Reader, encoder, device, and what was opened lately (`recent`)."""

    said = Signal(str)

    def __init__(self, settings: QSettings, parent: QObject) -> None:
        super().__init__(parent)
        self.settings = settings
        self.recent = RecentProjects(settings)

    @property
    def own_reader(self) -> str:
        """The name of the person at the window."""
        stored = str(self.settings.value("reader", DEFAULT_READER))
        return DEFAULT_READER if is_reserved(stored) else stored

    def set_own_reader(self, name: str) -> None:
        """Raises UserError where nobody can have that name."""
        self.settings.setValue("reader", check_reader(name))

    @property
    def device(self) -> str:
        """Where to embed: "auto", "cpu", "cuda" or "mps"."""
        return str(self.settings.value("device", "auto"))

    def encoder(self) -> EncoderInfo:
        """The chosen encoder, or the default one where the chosen one is gone. Raises UserError when none works."""
        try:
            return self._chosen_encoder() or default_encoder()
        except UserError as error:
            self.said.emit(f"{error} The default encoder is used.")
            return default_encoder()

    def _chosen_encoder(self) -> EncoderInfo | None:
        stored = str(self.settings.value("encoder", ""))
        return read_encoder(Path(stored)) if stored else None

    def encoders(self) -> Sequence[EncoderInfo]:
        """What there is to choose from: the bundled ones, those added, and the one chosen from elsewhere."""
        found = known_encoders()
        chosen = self.encoder()
        if all(info.directory != chosen.directory for info in found):
            found.append(chosen)
        return found

    def choose(self, reader: str, encoder: Path, device: str) -> None:
        """Takes all three over. Raises UserError where nobody can have that name."""
        self.set_own_reader(reader)
        self.settings.setValue("encoder", str(encoder))
        self.settings.setValue("device", device)
