"""How findings and judgements are coded in a structured report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cxr_explorer.labels.label import Value


@dataclass(frozen=True)
class Coded:
    """A code as DICOM writes one: value, scheme designator, meaning (PS3.3, section 8)."""

    value: str
    scheme: str
    meaning: str


PRIVATE = "99CXREXPLORER"
"""Scheme of codes of our own: DICOM has private ones begin with 99 (PS3.16, section 8)."""

VALUES: Mapping[Value, Coded] = {
    Value.PRESENT: Coded("52101004", "SCT", "Present"),
    Value.ABSENT: Coded("272519000", "SCT", "Absent"),
    Value.UNCERTAIN: Coded("82334004", "SCT", "Indeterminate"),
}

FINDINGS: Mapping[str, Coded] = {
    "Atelectasis": Coded("46621007", "SCT", "Atelectasis"),
    "Cardiomegaly": Coded("8186001", "SCT", "Cardiomegaly"),
    "Consolidation": Coded("95436008", "SCT", "Lung consolidation"),
    "Edema": Coded("19242006", "SCT", "Pulmonary edema"),
    "Effusion": Coded("60046008", "SCT", "Pleural effusion"),
    "Emphysema": Coded("87433001", "SCT", "Pulmonary emphysema"),
    "Fibrosis": Coded("51615001", "SCT", "Fibrosis of lung"),
    "Infiltration": Coded("112121", "DCM", "Infiltrate"),
    "Lung Opacity": Coded("112001", "DCM", "Opacity"),
    "Mass": Coded("4147007", "SCT", "Mass"),
    "Nodule": Coded("27925004", "SCT", "Nodule"),
    "Pleural Effusion": Coded("60046008", "SCT", "Pleural effusion"),
    "Pneumonia": Coded("233604007", "SCT", "Pneumonia"),
    "Pneumothorax": Coded("36118008", "SCT", "Pneumothorax"),
}
"""Findings whose code is sure. The others (such as Hernia, which NIH does not say the kind of) have a private one."""

_LONGEST = 16  # characters of a code value (PS3.5, VR SH)


def coded_finding(finding: str) -> Coded:
    """The code of a finding; a private one, the same on every machine, where none is sure.

    Args:
        finding: As a vocabulary names it; a code is taken whatever its capitals.
    """
    for name, code in FINDINGS.items():
        if name.casefold() == finding.casefold():
            return code
    digest = hashlib.sha256(finding.casefold().encode()).hexdigest()
    return Coded(f"F{digest[: _LONGEST - 1].upper()}", PRIVATE, finding)
