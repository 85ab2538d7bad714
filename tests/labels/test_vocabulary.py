"""Vocabularies: what ships, what a reader may add, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import (
    Vocabulary,
    bundled_vocabularies,
    changed_keys,
    clean_findings,
    finding_codes,
    load_vocabulary,
    parse_lines,
)


def test_nih_has_no_finding_on_key_1_then_the_order_of_the_data_set() -> None:
    nih = bundled_vocabularies()[0]
    assert ", ".join(nih.findings) == (
        "No Finding, Atelectasis, Cardiomegaly, Effusion, Infiltration, Mass, Nodule, Pneumonia, Pneumothorax, "
        "Consolidation, Edema, Emphysema, Fibrosis, Pleural_Thickening, Hernia"
    )


def test_chexpert_has_its_fourteen_in_order() -> None:
    chexpert = bundled_vocabularies()[1]
    assert len(chexpert.findings) == 14
    assert chexpert.findings[0] == "No Finding"
    assert chexpert.findings[-1] == "Support Devices"


def test_names_are_trimmed_and_keep_their_order() -> None:
    assert Vocabulary("mine", (" Mass ", "Edema")).findings == ("Mass", "Edema")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "no findings"),
        (("Mass", "  "), "empty"),
        (("Mass", " mass"), "already"),
        (("Mass|Nodule",), "separates"),
        (("Mass\nNodule",), "control"),
        (("Mass\x07",), "control"),
        (("Mass\u2028Nodule",), "control"),
        (("Mass\udc80",), "control"),
        (("x" * 61,), "60"),
    ],
)
def test_unusable_names_are_refused_with_the_reason(names: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        clean_findings(names)


def test_sixty_characters_are_still_a_name() -> None:
    assert clean_findings(["x" * 60]) == ("x" * 60,)


def test_no_finding_excludes_all_others_but_support_devices_unless_a_list_says_otherwise() -> None:
    nih, chexpert = bundled_vocabularies()
    assert nih.excludes == {"No Finding": nih.findings[1:]}
    assert chexpert.excludes == {"No Finding": chexpert.findings[1:-1]}
    assert Vocabulary("mine", ("Mass", "no finding", "Support devices")).excludes == {"no finding": ("Mass",)}
    assert Vocabulary("mine", ("Mass", "Edema")).excludes == {}
    own = Vocabulary("mine", ("No Finding", "PA", "AP"), {"PA": ("AP",)})
    assert own.contradicting() == [("PA", "AP"), ("AP", "PA")]


def test_the_usual_rule_goes_for_other_findings_too_and_another_stays_what_it_is() -> None:
    assert bundled_vocabularies()[0].excludes_among(["COVID-19"])["No Finding"][-1] == "COVID-19"
    assert Vocabulary("mine", ("No Finding", "Mass"), {}).excludes_among(["COVID-19"]) == {}


def test_a_file_says_what_excludes_what(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"name": "Views", "findings": ["PA", "AP"], "excludes": {"PA": ["AP"]}}')
    assert load_vocabulary(path) == Vocabulary("Views", ("PA", "AP"), {"PA": ("AP",)})
    path.write_text('{"name": "Views", "findings": ["PA", "AP"], "excludes": {"PA": ["lateral"]}}')
    with pytest.raises(UserError, match="'lateral', which is not among"):
        load_vocabulary(path)


def test_json_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"name": "Épaule", "findings": ["Luxation", "Fracture"]}', encoding="utf-8-sig")
    assert load_vocabulary(path) == Vocabulary("Épaule", ("Luxation", "Fracture"))


def test_plain_list_is_read_and_named_after_the_file(tmp_path: Path) -> None:
    path = tmp_path / "Ward 3.txt"
    path.write_text("Tube\n\n  Line \n", encoding="utf-8")
    assert load_vocabulary(path) == Vocabulary("Ward 3", ("Tube", "Line"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"name": "x"}',
        b'{"name": "x", "findings": "Mass"}',
        b'{"name": 1, "findings": ["Mass"]}',
        b'{"name": "x", "findings": ["Mass"], "excludes": ["Mass"]}',
        b'{"name": "x", "findings": ["Mass"], "excludes": {"Mass": "Mass"}}',
        b'{"name": "x", "findings": ["Mass"], "excludes": {"Mass": [1]}}',
        b'{"name": "x", "findings": ["Mass", 3]}',
        b"\xff\xfe\xff",
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content)
    with pytest.raises(UserError):
        load_vocabulary(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read the vocabulary"):
        load_vocabulary(tmp_path / "absent.json")


# -- groups, number keys, two letters


def test_a_plain_list_has_groups_and_is_shown_group_by_group(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Normal\n# Pleura\nEffusion\nPneumothorax\n\n# Heart\nCardiomegaly\n", encoding="utf-8")
    vocabulary = load_vocabulary(path)
    assert vocabulary.findings == ("Normal", "Effusion", "Pneumothorax", "Cardiomegaly")
    assert vocabulary.sections() == [
        ("", ("Normal",)),
        ("Pleura", ("Effusion", "Pneumothorax")),
        ("Heart", ("Cardiomegaly",)),
    ]
    findings, groups = parse_lines(vocabulary.as_lines())
    assert Vocabulary("mine", findings, groups=groups) == vocabulary


@pytest.mark.parametrize(
    ("groups", "complaint"),
    [({"Pleura": ("Mass",)}, "not among the findings"), ({"A": ("Effusion",), "B": ("Effusion",)}, "two groups")],
)
def test_groups_speak_of_findings_once(groups: dict[str, tuple[str, ...]], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Vocabulary("mine", ("Effusion",), groups=groups)


def test_a_key_given_to_a_finding_changes_places_with_who_had_it() -> None:
    vocabulary = Vocabulary("mine", tuple(f"Finding {number}" for number in range(1, 13)))
    assert vocabulary.keyed == tuple(f"Finding {number}" for number in range(1, 10))
    given = vocabulary.with_key("Finding 12", 2)
    assert given.keyed[1] == "Finding 12"
    assert "Finding 2" not in given.keyed
    assert changed_keys(vocabulary, given) == {2: "Finding 12"}
    swapped = given.with_key("Finding 1", 2)
    assert swapped.keyed[:2] == ("Finding 12", "Finding 1")
    shorter = Vocabulary("other", ("Finding 5", "Finding 12"), keys=swapped.keys)
    assert shorter.keyed == ("Finding 12", "Finding 5")
    assert changed_keys(vocabulary, Vocabulary("other", ("Finding 1",))) == dict.fromkeys(range(2, 10), "")


def test_two_letters_are_of_the_name_different_for_each_and_stay_when_findings_are_added() -> None:
    findings = ("No Finding", "Pneumonia", "Pneumothorax", "Pleural_Thickening", "Pleural tag", "Ödem", "肺炎")
    codes = finding_codes(findings)
    assert list(codes.values())[:6] == ["nf", "pn", "pe", "pt", "pl", "od"]
    many = finding_codes([*findings, *(f"Finding {number}" for number in range(300))])
    assert {finding: many[finding] for finding in findings} == codes
    assert len(set(many.values())) == len(many)
    assert all(len(code) == 2 and code.isascii() for code in many.values())
