"""A button says its whole sentence on as many lines as it takes."""

from cxr_explorer.ui.widgets.wrapping_button import WrappingButton, lines_of


def fits(line: str) -> bool:
    return len(line) <= 12


def test_the_text_goes_on_as_many_lines_as_there_are() -> None:
    assert lines_of("short", fits) == ["short"]
    assert lines_of("head is; tail", fits) == ["head is;", "tail"]
    assert lines_of("one two three four five six", fits) == ["one two", "three four", "five six"]
    assert lines_of("one two three four five six", fits, 2) == ["one two", "three four five six"]


def test_a_button_of_so_many_lines_keeps_its_height_and_never_widens(qtbot) -> None:
    button = WrappingButton(3)
    qtbot.addWidget(button)
    button.resize(200, 50)
    button.say("short", "")
    before = button.height(), button.minimumSizeHint().width()
    button.say("a text that is far longer than what a line of two hundred pixels has room for " * 3, "")
    assert (button.height(), button.minimumSizeHint().width()) == before
    assert button.text().count("\n") == 2 and button.text().endswith("…")
