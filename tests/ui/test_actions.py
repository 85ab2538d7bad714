"""Every action is explained, has keys of its own, and is found in a menu or on the help page."""

from pathlib import Path

from cxr_explorer.ui.actions import keyboard_table


def test_the_readme_has_the_keyboard_table_of_the_program() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert keyboard_table() in readme.read_text(encoding="utf-8")
