"""The words of a DICOM header that may be shown and kept: known ones. A name typed into any element is none of them.

Elements meant for codes hold free text in practice, a patient's name among it, also where a damaged element runs into
the next. What comes out of here is therefore never the header's text but an entry of the lists below, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_WORDS = 4
"""Longer texts are sentences."""


def known_term(keyword: str, text: str) -> str:
    r"""What an element says, in known words alone.

    Args:
        keyword: The element, one of those named in this module.
        text: Its text, several values joined by "\".

    Returns:
        The term in capitals ("PA", "WHOLE BODY", "L\F"), a maker or model as it is listed; "" where a word of it is
        not known.
    """
    match keyword:
        case "Manufacturer":
            return _listed(_MAKERS, text)
        case "ManufacturerModelName":
            return _listed(_MODELS, text)
        case "PatientOrientation":
            return _orientation(text)
        case "ViewPosition" | "BodyPartExamined":
            return _of_words(_WORDS[keyword], text)
        case "WindowCenterWidthExplanation" | "LUTExplanation":
            return _of_words(_WORDS["explanation"], text)
        case _:
            term = text.strip().upper()
            return _SAME.get(keyword, {}).get(term, term if term in _TERMS[keyword] else "")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Enumerated values and defined terms of DICOM PS3.3: C.7.3.1.1.1 (modality, retired ones included), C.7.6.3.1.2
# (photometric interpretation), C.8.11.1 (intent), C.7.1.1 (sex), C.7.3.1 and C.8.11.2 (laterality).
_TERMS: Mapping[str, frozenset[str]] = {
    "Modality": _words(
        """ANN AR ASMT AU BDUS BI BMD CD CF CFM CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG EEG EMG EOG EPS
        ES FA FID FS GM HC HD IO IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF
        OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT
        RWV SEG SM SMR SR SRF ST STAIN TEXTUREMAP TG US VA VF XA XAPROTOCOL XC"""
    ),
    "PhotometricInterpretation": _words(
        """ARGB CMYK HSV MONOCHROME1 MONOCHROME2 RGB XYB YBR_FULL YBR_FULL_422 YBR_ICT YBR_PARTIAL_420 YBR_PARTIAL_422
        YBR_RCT"""
    )
    | {"PALETTE COLOR"},
    "PresentationIntentType": frozenset({"FOR PRESENTATION", "FOR PROCESSING"}),
    "PatientSex": frozenset("MFO"),
    "ImageLaterality": frozenset("LRBU"),
    "Laterality": frozenset("LRBU"),
}

_SIDES = {"LEFT": "L", "RIGHT": "R", "BOTH": "B"}
_SAME: Mapping[str, Mapping[str, str]] = {
    "PatientSex": {"MALE": "M", "FEMALE": "F", "OTHER": "O"},
    "ImageLaterality": _SIDES,
    "Laterality": _SIDES,
}

_WORDS: Mapping[str, frozenset[str]] = {
    # PS3.3 C.8.1.1 and PS3.16 CID 4010, and what devices and MIMIC-CXR write beside them
    "ViewPosition": _words(
        """AP PA LL RL LLD RLD LLO RLO LAO LPO RAO RPO L R LAT LATERAL LEFT RIGHT FRONTAL POSTEROANTERIOR
        ANTEROPOSTERIOR POSTERO ANTERO POSTERIOR ANTERIOR OBLIQUE OBL AXIAL APICAL LORDOTIC DECUBITUS DECUB ERECT
        UPRIGHT STANDING SITTING SUPINE PRONE PORTABLE BEDSIDE BED STRETCHER TABLE BUCKY XTABLE CROSSTABLE CROSS
        SWIMMERS INSPIRATION EXPIRATION CC MLO ML LM LMO XCC XCCL XCCM SIO FB SPECIMEN"""
    ),
    # PS3.16 Annex L, and the words of it that devices write apart
    "BodyPartExamined": _words(
        """ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM AXILLA BACK BLADDER BODY BONE BRAIN BREAST BRONCHUS BUTTOCK
        CALCANEUS CALF CAROTID CEREBELLUM CERVICAL CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CIRCLEOFWILLIS
        CLAVICLE COCCYX COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS EXTREMITY EYE EYELID
        FACE FEMUR FIBULA FINGER FOOT FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS IAC ILEUM ILIUM JAW
        JEJUNUM JOINT KIDNEY KNEE LARYNX LEFT LEG LIVER LOWER LSPINE LSSPINE LUMBAR LUNG LUNGS MAXILLA MEDIASTINUM MOUTH
        NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE ORBIT OVARY PANCREAS PAROTID PATELLA PELVIS PHARYNX
        PROSTATE RADIUS RADIUSULNA RECTUM RIB RIBS RIGHT SACRUM SCALP SCAPULA SCLERA SCROTUM SHOULDER SINUS SKULL SPINE
        SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR TESTIS THIGH THORACIC THORAX THUMB THYMUS THYROID TIBIA TIBIAFIBULA
        TLSPINE TMJ TOE TONGUE TRACHEA TSPINE ULNA UNKNOWN UPPER URETER URETHRA UTERUS VAGINA VULVA WHOLE WHOLEBODY
        WRIST ZYGOMA AP PA LAT LATERAL PORTABLE"""
    ),
    # PS3.3 C.11.2.1.2.2 leaves the text to the maker; these are what readers choose windows by
    "explanation": _words(
        """ABDOMEN ALGO AUTO BONE BONES BRAIN BRIGHT BRIGHTER CHEST CONTRAST CUSTOM DARK DARKER DEFAULT FULL HARD HARDER
        HIGH LINEAR LOW LUNG LUNGS LUT MEDIASTINAL MEDIASTINUM MEDIUM MIDDLE NARROW NORMAL ORIGINAL PRESET RANGE SIGMOID
        SOFT SOFTER SPINE STANDARD THORAX TISSUE USER VOI WIDE WINDOW"""
    ),
}

# What a maker's texts begin with -> how the maker is called. Written from the public collections' headers.
_MAKERS: Mapping[str, str] = {
    "ACTEON": "Acteon", "AGFA": "Agfa", "ALLENGERS": "Allengers", "ANALOGIC": "Analogic", "ANGELL": "Angell",
    "APELEM": "Apelem", "ARCOMA": "Arcoma", "ARRAY": "Array", "BMI": "BMI", "BPL": "BPL", "CANON": "Canon",
    "CARERAY": "CareRay", "CARESTREAM": "Carestream", "CONTROL X": "Control-X", "DEL MEDICAL": "Del Medical",
    "DELFT": "Delft", "DMS": "DMS", "DRGEM": "DRGEM", "DRTECH": "DRTECH", "EASTMAN KODAK": "Kodak", "ECORAY": "Ecoray",
    "EOS": "EOS", "EXAMION": "Examion", "FUJI": "Fujifilm", "FUJIFILM": "Fujifilm", "GE": "GE", "GEMS": "GE",
    "GENERAL ELECTRIC": "GE", "GENORAY": "Genoray", "GMM": "GMM", "HITACHI": "Hitachi", "HOLOGIC": "Hologic",
    "HOWTEK": "Howtek", "IAE": "IAE", "IDC": "IDC", "IMAGING DYNAMICS": "IDC", "IMIX": "IMIX", "IRAY": "iRay",
    "ITALRAY": "Italray", "JPI": "JPI", "KODAK": "Kodak", "KONICA": "Konica Minolta", "KONICAMINOLTA": "Konica Minolta",
    "LISTEM": "Listem", "LODOX": "Lodox", "LUMISYS": "Lumisys", "MINDRAY": "Mindray", "MINXRAY": "MinXray",
    "NEUSOFT": "Neusoft", "OEC": "GE", "OEHM UND REHBEIN": "OR Technology", "OLDELFT": "Delft",
    "OR TECHNOLOGY": "OR Technology", "PERLOVE": "Perlove", "PHILIPS": "Philips", "PLANMED": "Planmed",
    "PRIMAX": "Primax", "PROTEC": "Protec", "RAYENCE": "Rayence", "SAMSUNG": "Samsung", "SECTRA": "Sectra",
    "SEDECAL": "Sedecal", "SHIMADZU": "Shimadzu", "SIEMENS": "Siemens", "SIMULATED": "SIMULATED", "SKANRAY": "Skanray",
    "SOURCE RAY": "Source-Ray", "STEPHANIX": "Stephanix", "STERLING": "Sterling", "SWISSRAY": "Swissray",
    "TECHNIX": "Technix", "THALES": "Thales", "TOSHIBA": "Toshiba", "TRIVITRON": "Trivitron", "TRIXELL": "Trixell",
    "UIH": "United Imaging", "UNITED IMAGING": "United Imaging", "VAREX": "Varex", "VARIAN": "Varian",
    "VIDAR": "Vidar", "VIEWORKS": "Vieworks", "VILLA": "Villa", "WANDONG": "Wandong", "ZIEHM": "Ziehm",
}  # fmt: skip

# The same of models: families, which is what a picture's look depends on.
_MODELS: Mapping[str, str] = {
    "ADC": "ADC", "AERODR": "AeroDR", "AMX": "AMX", "ASPIRE": "Aspire", "AXIOM": "Axiom", "CALNEO": "Calneo",
    "CR 30": "CR 30", "CR 35": "CR 35", "CR 75": "CR 75", "CR 85": "CR 85", "CR 500": "CR 500", "CR 800": "CR 800",
    "CR 825": "CR 825", "CR 850": "CR 850", "CR 900": "CR 900", "CR 950": "CR 950", "CR 975": "CR 975", "CS 7": "CS-7",
    "CXDI": "CXDI", "DEFINIUM": "Definium", "DIGITAL DIAGNOST": "DigitalDiagnost", "DIGITALDIAGNOST": "DigitalDiagnost",
    "DIRECTVIEW": "DirectView", "DISCOVERY XR": "Discovery XR", "DR 3500": "DR 3500", "DR 7500": "DR 7500",
    "DR 9500": "DR 9500", "DRX": "DRX", "DX D": "DX-D", "DX M": "DX-M", "ESSENTA": "Essenta", "FDR": "FDR",
    "FLUOROSPOT": "Fluorospot", "FLUOROSPOT COMPACT": "Fluorospot", "GC80": "GC80", "GC85": "GC85", "GC85A": "GC85",
    "GM85": "GM85", "GU60A": "GU60", "IRS": "IRS", "KODAK ELITE CR": "Elite CR", "LUMINOS": "Luminos",
    "LUMISCAN": "Lumiscan", "MOBILEDART": "MobileDaRt", "MOBILEDIAGNOST": "MobileDiagnost", "MOBILETT": "Mobilett",
    "MULTIX": "Multix", "OPTIMA": "Optima", "PCR": "PCR", "PCR ELEVA": "PCR Eleva", "PRACTIX": "Practix",
    "PROGRADE": "ProGrade", "REGIUS": "Regius", "REVOLUTION": "Revolution", "SIERRA": "Sierra",
    "SONIALVISION": "Sonialvision", "THORAX": "Thorax", "THORAVISION": "Thoravision", "XGEO": "XGEO",
    "XR220AMX": "XR220amx", "XR240AMX": "XR240amx", "XR656": "XR656", "YSIO": "Ysio",
}  # fmt: skip

_DIRECTION = re.compile(r"(?=[APLRHF])(?!.*(?:A.*P|P.*A|L.*R|R.*L|H.*F|F.*H))(?!.*(.).*\1)[APLRHF]{1,3}")


def _orientation(text: str) -> str:
    r"""Row and column direction (PS3.3 C.7.6.1.1.1): letters for the axes, no axis twice, as "R\F"."""
    directions = text.strip().upper().split("\\")
    return "\\".join(directions) if len(directions) == 2 and all(map(_DIRECTION.fullmatch, directions)) else ""


def _of_words(known: frozenset[str], text: str) -> str:
    """The text's words where all are known, a single digit behind one left standing ("WINDOW1")."""
    words = re.sub(r"[\s_,./\\()-]+", " ", text.upper()).split()
    if len(words) > MOST_WORDS or not all(re.sub(r"(?<=[A-Z])\d$", "", word) in known for word in words):
        return ""
    return " ".join(words)


def _listed(names: Mapping[str, str], text: str) -> str:
    """The entry of the longest beginning of the text that is listed."""
    words = re.findall(r"[A-Z0-9]+", text.upper())
    beginnings = (" ".join(words[:count]) for count in range(min(len(words), MOST_WORDS), 0, -1))
    return next((names[beginning] for beginning in beginnings if beginning in names), "")
