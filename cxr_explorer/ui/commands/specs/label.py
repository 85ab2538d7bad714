"""Judgements."""

from __future__ import annotations

from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.labels.vocabulary import NUMBER_KEYS
from cxr_explorer.ui.commands.need import MAP, PROJECT, TARGET, Need
from cxr_explorer.ui.commands.specs.spec import Spec

CONTRADICTING = Need("nothing contradicts the last labels")


def _label_specs() -> list[Spec]:
    specs = []
    for prefix, word in (("", "present"), ("Ctrl+", "absent"), ("Alt+", "uncertain")):
        specs += [
            Spec(
                f"label_{word}_{number}",
                "&Label",
                f"Finding {number} = {word}",
                f"Label the selection or the picked images: finding {number} is {word}",
                (f"{prefix}{number}",),
                TARGET,
                in_menu=False,
            )
            for number in range(1, NUMBER_KEYS + 1)
        ]
    return specs


FINDING_ACTIONS = {
    f"label_{word}_{number}": (number - 1, value)
    for value, word in VALUE_WORDS.items()
    for number in range(1, NUMBER_KEYS + 1)
}
"""Of each action that labels a finding by its number: the place of the finding's number key, and the value."""

SPECS: tuple[Spec, ...] = (
    Spec(
        "apply",
        "&Label",
        "&Label as the button says",
        "Do exactly what the label button says",
        ("Ctrl+Return", "Ctrl+Enter"),
        TARGET,
    ),
    *_label_specs(),
    Spec(
        "label_normal",
        "&Label",
        "&Normal",
        "Label as normal: No Finding is present, all findings it excludes are absent",
        ("0",),
        TARGET,
        separated=True,
    ),
    Spec(
        "label_rest_absent",
        "&Label",
        "All &unread absent",
        "Set every finding that is not read yet to absent",
        ("Shift+U",),
        TARGET,
    ),
    Spec(
        "label_repeat",
        "&Label",
        "A&nswers of the last",
        "Give the same answers as to the image or cluster labelled before this one",
        ("Shift+L",),
        TARGET,
    ),
    Spec("seek_finding", "&Label", "&Search findings", "Type a part of a finding's name", ("/",), PROJECT),
    Spec("value_present", "&Label", "&Present", "Set the button to present", ("P",), PROJECT, separated=True),
    Spec("value_absent", "&Label", "&Absent", "Set the button to absent", ("A",), PROJECT),
    Spec("value_uncertain", "&Label", "&Uncertain", "Set the button to uncertain", ("U",), PROJECT),
    Spec("value_clear", "&Label", "&Clear label", "Set the button to removing the label", ("C",), PROJECT),
    Spec(
        "next_finding",
        "&Label",
        "Next &finding",
        "Set the button to the next finding",
        (".", "]"),
        PROJECT,
        separated=True,
    ),
    Spec(
        "previous_finding", "&Label", "Previous f&inding", "Set the button to the previous finding", (",", "["), PROJECT
    ),
    Spec(
        "confounders",
        "&Label",
        "&What these have in common…",
        "Compare view, sex, age, maker, folder of the selection with the collection",
        ("Shift+C",),
        TARGET,
    ),
    Spec(
        "exclude",
        "&Label",
        "&Exclude / take back",
        "Exclude the picked images from bulk labels, or take them back; on a contact sheet: mark as an exception",
        ("Space",),
        MAP,
        separated=True,
    ),
    Spec(
        "settle_contradiction",
        "&Label",
        "Set what contra&dicts to absent",
        "Where findings exclude each other: one read one by one stands, else the newer label; the other becomes absent",
        ("Backspace",),
        CONTRADICTING,
    ),
    Spec("vocabulary", "&Label", "F&indings…", "Choose the list of findings, or write your own", (), PROJECT),
)
