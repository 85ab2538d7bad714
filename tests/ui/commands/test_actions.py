"""Every action is explained, has keys of its own, and is found in a menu or on the help page."""

from pathlib import Path

from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS, keyboard_rows, keyboard_table, left_hand_rows, tooltip
from cxr_explorer.ui.commands.need import ALWAYS
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.guide.guide import menu_keys
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import open_window


def test_the_documents_have_the_keyboard_table_of_the_program() -> None:
    root = Path(__file__).parents[3]
    keys = "resources/docs/keys.md"
    assert keyboard_table() in (root / keys).read_text(encoding="utf-8")
    assert f"({keys})" in (root / "README.md").read_text(encoding="utf-8")


def test_every_action_is_explained_in_one_line() -> None:
    for spec in SPECS:
        assert spec.tip, spec.name
        assert "\n" not in spec.tip, spec.name
        assert not spec.tip.endswith("."), spec.name
        assert tooltip(spec.name).startswith(spec.tip)


def test_no_key_means_two_things() -> None:
    keys: dict[str, str] = {}
    for spec in SPECS:
        for key in keymap.normal(spec.keys):
            assert key, f"{spec.name}: {spec.keys} is no key"
            assert key not in keys, f"{key}: {spec.name} and {keys[key]}"
            keys[key] = spec.name
    assert not set(keys) & set(keymap.RESERVED)
    assert not set(keys) & set(menu_keys())


def test_every_menu_has_an_access_key_of_its_own() -> None:
    menus = dict.fromkeys(spec.menu for spec in SPECS)
    assert len(menu_keys()) == len(menus)


def test_every_action_stands_in_a_menu_or_on_the_help_page(qtbot, tmp_path: Path) -> None:
    window: MainWindow = open_window(qtbot, tmp_path)
    in_menus = {action for menu in window.menuBar().actions() for action in menu.menu().actions()}
    listed = {row[2] for row in keyboard_rows(as_shipped=True)}
    for spec in SPECS:
        shared = spec.name in FINDING_ACTIONS and "the finding of that number" in " ".join(listed)
        assert window.actions_by_name[spec.name] in in_menus or spec.tip in listed or shared, spec.name


def test_the_palette_can_say_what_an_action_waits_for() -> None:
    assert all(spec.need.missing for spec in SPECS if spec.need is not ALWAYS)


def test_the_left_hand_has_what_a_reader_does_all_the_time() -> None:
    tips = " ".join(tip for _, tip in left_hand_rows())
    for what in ("next image", "present", "absent", "Take back", "Exclude"):
        assert what in tips
    within_reach = set("12345QWERTASDFGYXCVB`") | {"Space", "Esc", "Tab"}
    for keys, _ in left_hand_rows():
        assert all(key.split("+")[-1] in within_reach | {"Z"} for key in keys.split(" to ")), keys
