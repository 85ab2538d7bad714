"""What a DICOM header, or a table, says an image is, where that is no frontal chest film.

Headers are wrong often enough (15 % of the body parts in Gueld et al. 2002, doi 10.1117/12.467017) that they only call
for a look: nothing is decided by them. What says nothing, says nothing: an image is only told by what is stated.
"""

from __future__ import annotations

from collections.abc import Mapping

TOLD_BY = ("modality", "body part", "view", "orientation", "laterality")
"""The facts that are looked at, see `dicom_facts`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MODALITIES = {
    "CT": "CT", "MR": "MRI", "US": "ultrasound", "IVUS": "ultrasound", "BDUS": "ultrasound", "NM": "nuclear medicine",
    "ST": "nuclear medicine", "PT": "PET", "MG": "mammogram", "XA": "angiogram", "IO": "dental film",
    "PX": "dental film", "BMD": "bone density", "ES": "endoscopy", "XC": "photograph", "GM": "microscopy",
    "SM": "microscopy", "OP": "eye", "OPT": "eye", "OCT": "eye", "ECG": "ECG", "DOC": "document", "SR": "report",
    "TG": "thermogram",
}  # fmt: skip
"""Kinds of images that are no plain films, in words; of CR, DX, RG, OT, SC and others nothing follows."""

_FLUOROSCOPY = {"RF", "DF", "CF"}
"""Units that also take plain films: they tell something else unless the chest is named."""

_CHEST = _words(
    """CHEST THORAX LUNG LUNGS HEART MEDIASTINUM BRONCHUS CHESTABDOMEN CHESTABDPELVIS NECKCHEST NECKCHESTABDOMEN
    NECKCHESTABDPELV"""
)
_NO_PART = _words("AP PA LAT LATERAL PORTABLE LEFT RIGHT UPPER LOWER BODY WHOLE WHOLEBODY UNKNOWN THORACIC BONE JOINT")
_PARTS = {
    "CSPINE": "spine", "TSPINE": "spine", "LSPINE": "spine", "LSSPINE": "spine", "SSPINE": "spine", "TLSPINE": "spine",
    "CTSPINE": "spine", "RIB": "ribs", "ABDOMENPELVIS": "abdomen", "TIBIAFIBULA": "lower leg", "TIBIA": "lower leg",
    "FIBULA": "lower leg", "CALF": "lower leg", "RADIUSULNA": "forearm", "RADIUS": "forearm", "ULNA": "forearm",
}  # fmt: skip

_FRONTAL = _words("AP PA FRONTAL POSTEROANTERIOR ANTEROPOSTERIOR POSTERO ANTERO DECUBITUS DECUB LLD RLD")
LATERAL = _words("LATERAL LAT LL RL")
"""Words for a view from the side."""
_LATERAL = LATERAL | _words("XTABLE CROSSTABLE")
_OBLIQUE = _words("OBLIQUE OBL LAO RAO LPO RPO LLO RLO")
_BREAST = _words("CC MLO ML LM LMO XCC XCCL XCCM SIO FB SPECIMEN")


def other_than_frontal_chest(facts: Mapping[str, str]) -> str:
    """What an image is by its header in a word or two ("CT", "leg", "lateral view"); "" where nothing speaks against a
    frontal chest film.

    Args:
        facts: Of one image, in the words of `dicom_facts.read_facts` or of a table.
    """
    modality, part = facts.get("modality", "").upper(), _body_part(facts.get("body part", ""))
    if modality in _MODALITIES or modality.startswith("RT"):
        return _MODALITIES.get(modality, "radiotherapy")
    if modality in _FLUOROSCOPY and part != "chest":
        return "fluoroscopy"
    if part not in ("", "chest"):
        return part
    view = set(facts.get("view", "").upper().replace("-", " ").replace("/", " ").split())
    if view & _FRONTAL:  # a decubitus film is one, whatever else its view says
        return ""
    for words, kind in ((_LATERAL, "lateral view"), (_OBLIQUE, "oblique view"), (_BREAST, "mammogram")):
        if view & words:
            return kind
    if "SWIMMERS" in view:
        return "swimmer's view"
    return _by_orientation(facts.get("orientation", "")) or _by_side(facts.get("laterality", ""), part)


def _body_part(text: str) -> str:
    """ "chest", another part in words, or "" where none is named."""
    words = [word.rstrip("0123456789") for word in text.upper().split()]
    if "SPINE" in words:  # "THORACIC SPINE"
        return "spine"
    if _CHEST & set(words):
        return "chest"
    named = [word for word in words if word and word not in _NO_PART]
    return _PARTS.get(named[0], named[0].lower()) if named else ""


def _by_orientation(text: str) -> str:
    r"""What the directions of rows and columns say (PS3.3 C.7.6.1.1.1): "L\F" is a frontal picture."""
    directions = text.upper().split("\\")
    if len(directions) != 2 or not all(directions):
        return ""
    axes = {"lr" if letter in "LR" else "ap" if letter in "AP" else "hf" for letter in (d[0] for d in directions)}
    return {frozenset({"ap", "hf"}): "lateral view", frozenset({"ap", "lr"}): "axial picture"}.get(frozenset(axes), "")


def _by_side(laterality: str, part: str) -> str:
    """A side is stated of paired parts of the body, PS3.3 C.7.3.1 and C.8.11.2."""
    return "one side of the body" if laterality.upper() in ("L", "R") and not part else ""
