"""Judgements."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

FINDING_KEYS = 9


def _label_specs() -> list[Spec]:
    specs = []
    for prefix, value, word in (("", 1, "present"), ("Ctrl+", 0, "absent"), ("Alt+", -1, "uncertain")):
        specs += [
            Spec(
                f"label_{word}_{number}",
                "&Label",
                f"Finding {number} = {word}",
                f"Label the selection or the picked images: finding {number} is {word}",
                "label_finding",
                (f"{prefix}{number}",),
                "target",
                (number - 1, value),
                in_menu=False,
            )
            for number in range(1, FINDING_KEYS + 1)
        ]
    return specs


SPECS: tuple[Spec, ...] = (
    Spec(
        "apply",
        "&Label",
        "&Label as the button says",
        "Do exactly what the label button says",
        "session.label_target",
        ("Ctrl+Return", "Ctrl+Enter"),
        "target",
    ),
    *_label_specs(),
    Spec(
        "value_present",
        "&Label",
        "&Present",
        "Set the button to present",
        "set_value",
        ("P",),
        "project",
        (1,),
        separated=True,
    ),
    Spec("value_absent", "&Label", "&Absent", "Set the button to absent", "set_value", ("A",), "project", (0,)),
    Spec(
        "value_uncertain", "&Label", "&Uncertain", "Set the button to uncertain", "set_value", ("U",), "project", (-1,)
    ),
    Spec(
        "value_clear",
        "&Label",
        "&Not read",
        "Set the button to removing the label",
        "set_value",
        ("C",),
        "project",
        (None,),
    ),
    Spec(
        "next_finding",
        "&Label",
        "Next &finding",
        "Set the button to the next finding",
        "label_panel.step_finding",
        (".", "]"),
        "project",
        (1,),
        separated=True,
    ),
    Spec(
        "previous_finding",
        "&Label",
        "Previous f&inding",
        "Set the button to the previous finding",
        "label_panel.step_finding",
        (",", "["),
        "project",
        (-1,),
    ),
    Spec(
        "confounders",
        "&Label",
        "&What these have in common…",
        "Compare view, sex, age, maker, folder of the selection with the collection",
        "metadata.show_confounders",
        ("Shift+C",),
        "target",
    ),
    Spec(
        "exclude",
        "&Label",
        "&Exclude / take back",
        "Exclude the picked images from bulk labels, or take them back; on a contact sheet: mark as odd",
        "sheets.set_aside",
        ("Space",),
        "map",
        separated=True,
    ),
    Spec(
        "settle_contradiction",
        "&Label",
        "Set what contra&dicts to absent",
        "Where findings exclude each other: one read one by one stands, else the newer label; the other becomes absent",
        "contradicting.settle",
        ("Backspace",),
        "contradicting",
    ),
    Spec(
        "vocabulary",
        "&Label",
        "F&indings…",
        "Choose the list of findings, or write your own",
        "choose_vocabulary",
        (),
        "project",
    ),
)
