"""What this program is, and its licence."""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer import __version__
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.ui.widgets.texts import give_room

_Buttons = QDialogButtonBox.StandardButton


class AboutDialog(QDialog):
    """Version, intended use, licence."""

    def __init__(self, parent: QWidget, encoder: EncoderInfo) -> None:
        super().__init__(parent)
        self.setWindowTitle("About CXR Explorer")
        give_room(self, 44, 24)
        text = QTextBrowser(openExternalLinks=False)
        text.setHtml(
            f"<h3>CXR Explorer {__version__}</h3>"
            "<p>From a folder of unlabelled chest radiographs to labels one can trust: similar images are placed close "
            "together on a map, and a reader judges whole clusters at once.</p>"
            "<p><b>For research and annotation. Not a medical device: it must not be used for diagnosis.</b></p>"
            f"<p>Encoder: {escape(encoder.title)}. {escape(encoder.description)}</p>"
            "<p>Apache License 2.0. Uses Qt and PySide6 under the LGPL, PyTorch, umap-learn, HDBSCAN, pyqtgraph, "
            "pydicom and others under their own licences.</p>"
            "<p>Images never leave this computer, and the image folder is only ever read.</p>"
        )
        buttons = QDialogButtonBox(_Buttons.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text, 1)
        layout.addWidget(buttons)
