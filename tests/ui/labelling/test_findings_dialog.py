"""The dialog of the findings: published lists are read-only, and *Customise* makes a list of one's own from them."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies
from cxr_explorer.ui.labelling.findings_dialog import FindingsDialog


@pytest.fixture
def parent(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def open_dialog(qtbot, parent: QWidget, vocabulary: Vocabulary) -> FindingsDialog:
    dialog = FindingsDialog(parent, vocabulary)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def test_a_published_list_says_that_it_is_read_only_and_customise_copies_it(qtbot, parent: QWidget) -> None:
    published = bundled_vocabularies()[0]
    dialog = open_dialog(qtbot, parent, published)
    assert dialog.read_only.isVisible() and dialog._text.isReadOnly()
    qtbot.keyClick(dialog.customise, Qt.Key.Key_Space)
    assert not dialog.read_only.isVisible() and not dialog._text.isReadOnly()
    assert QApplication.focusWidget() is dialog._text
    qtbot.keyClicks(dialog._text, "Rib fracture")
    qtbot.keyClick(dialog._text, Qt.Key.Key_Return)
    dialog._accept()
    assert dialog.vocabulary.name == "My own"
    assert dialog.vocabulary.findings == ("Rib fracture", *published.findings)
    assert published == bundled_vocabularies()[0]


def test_an_own_list_needs_no_customise_until_a_published_one_is_chosen(qtbot, parent: QWidget) -> None:
    dialog = open_dialog(qtbot, parent, Vocabulary("My own", ("Mass",)))
    assert not dialog.read_only.isVisible() and not dialog._text.isReadOnly()
    dialog._choice.setCurrentIndex(0)
    assert dialog.read_only.isVisible() and dialog._text.isReadOnly()
    dialog._choice.setCurrentIndex(dialog._choice.count() - 1)
    assert not dialog.read_only.isVisible()
