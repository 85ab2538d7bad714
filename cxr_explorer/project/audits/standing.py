"""How sure a project's random audits make it that the labels of a finding are right: see `sampling.target`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE
from cxr_explorer.project.audits.records import Audit, audit_records
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.sampling.target import CONFIDENCE, TARGET, RandomAudit, Standing, standing


@dataclass(frozen=True)
class FindingStanding:
    """Where a reader's labels of a finding stand.

    Attributes:
        finding: Its name.
        reader: Whose labels.
        standing: What random audits say of them.
        stale: Audits that no longer count: labels they covered were changed in bulk since.
        by_patient: Audits that are not counted here, because patients were drawn and not images: their bound is of
            another share.
    """

    finding: str
    reader: str
    standing: Standing
    stale: int
    by_patient: int


def target_of(project: Project, finding: str) -> float:
    """The share of right labels the reader wants for a finding."""
    return float(project.get(f"target {finding}", str(TARGET)))


def set_target(project: Project, finding: str, share: float) -> None:
    """Chooses the share of right labels wanted for a finding."""
    project.set(f"target {finding}", str(share))


def finding_standing(
    project: Project, finding: str, reader: str, target: float, confidence: float = CONFIDENCE
) -> FindingStanding:
    """What random audits so far say of a reader's labels of a finding.

    Every look of an audit counts from the first on, also of one that failed or was given up: samples are read in random
    order, and what comes of it here does not depend on when one stops. Images that had been read one by one before an
    audit began are right by definition and tell nothing of the others, so that looking at them again does not count.
    Labels of images that are excluded or gone are left out.
    """
    rows = project.db.execute(
        """SELECT image_id, value, how FROM labels JOIN images ON images.id = image_id
           WHERE finding = ? AND reader = ? AND NOT excluded AND NOT missing ORDER BY image_id""",
        [finding, reader],
    ).fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    values = np.fromiter((row[1] for row in rows), np.int64, len(rows))
    audits = audit_records(project, finding, reader)
    looked = {image_id for audit in audits for image_id in audit.answers}
    read = np.fromiter((row[2] in ONE_BY_ONE or row[0] in looked for row in rows), np.bool_, len(rows))
    before = _read_before_an_audit(project, finding, reader)
    unread = ids[~read]
    counted, stale, by_patient = [], 0, 0
    for audit in audits:
        if not audit.answers:
            continue
        if audit.plan.unit == "patient":
            by_patient += 1
        elif _changed_in_bulk(audit, unread, values[~read]):
            stale += 1
        else:
            seen = [image_id for image_id in audit.answers if image_id not in before]
            counted.append(_random_audit(audit, seen))
    found = standing(ids[read], unread, counted, target, confidence)
    return FindingStanding(finding, reader, found, stale, by_patient)


def in_words(found: FindingStanding) -> str:
    """A few sentences for the reader: what is sure, what is wanted, what counts and what does not."""
    stand = found.standing
    if not stand.labels:
        return "No labels yet."
    if stand.read == stand.labels:
        return f"All {stand.labels:,} labels were read one by one."
    said = []
    if stand.looked or stand.reached:
        said.append(
            f"{100 * stand.confidence:g} % sure that at least {_percent(stand.right_at_least)} of {stand.labels:,} "
            "labels are right."
        )
    if stand.reached:
        said.append(f"The target of {_percent(stand.target)} is reached: you can stop.")
    else:
        if stand.looked:
            said.append(f"{np.floor(100 * stand.sure):.0f} % sure of the target of {_percent(stand.target)}.")
        looks = (
            f"{stand.more_looks:,} {'more ' if stand.looked else ''}audit look{'' if stand.more_looks == 1 else 's'}"
        )
        said.append(f"About {looks} to reach {_percent(stand.target)} if no error turns up.")
    if stand.never_audited:
        said.append(f"{stand.never_audited:,} labels given in bulk or accepted are in no audit.")
    if stand.wrong:
        said.append(f"{stand.looked:,} looks found {stand.wrong:,} wrong.")
    if found.stale:
        audits = "1 audit no longer counts" if found.stale == 1 else f"{found.stale:,} audits no longer count"
        said.append(f"{audits}: labels were changed in bulk since.")
    if found.by_patient:
        audits = "1 audit" if found.by_patient == 1 else f"{found.by_patient:,} audits"
        said.append(f"{audits} drew patients, not images, and cannot be counted here.")
    return " ".join(said)


def _percent(share: float) -> str:
    """Rounded down: what is promised holds."""
    return f"{np.floor(1000 * share + 1e-6) / 10:g} %"


def _read_before_an_audit(project: Project, finding: str, reader: str) -> set[int]:
    rows = project.db.execute(
        """SELECT image_id FROM label_changes JOIN acts ON acts.id = act_id
           WHERE finding = ? AND label_changes.reader = ? AND NOT undone
               AND after_how = 'audit' AND before_how IN (SELECT value FROM json_each(?))""",
        [finding, reader, json.dumps([how for how in ONE_BY_ONE if how != "audit"])],
    )
    return {row[0] for row in rows}


def _changed_in_bulk(audit: Audit, unread: Ids, values: np.ndarray) -> bool:
    both, here, there = np.intersect1d(unread, audit.image_ids, assume_unique=True, return_indices=True)
    return bool(len(both)) and bool((values[here] != audit.values[there]).any())


def _random_audit(audit: Audit, seen: list[int]) -> RandomAudit:
    looked = np.array(seen, np.int64)
    covered = audit.values[np.searchsorted(audit.image_ids, looked)]
    answers = np.array([int(audit.answers[image_id]) for image_id in seen], np.int64)
    return RandomAudit(audit.image_ids, looked, looked[covered != answers])
