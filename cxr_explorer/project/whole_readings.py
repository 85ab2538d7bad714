"""Answers to several findings in one act: a normal image, all that nobody has read, the answers of another image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.labels.vocabulary import Vocabulary, is_no_finding
from cxr_explorer.project.acts import STEP, Act, Change, Steps, done_at_once, in_steps
from cxr_explorer.project.label_columns import chosen_images
from cxr_explorer.project.labelling import parts_of, record_label
from cxr_explorer.project.project import Ids, Project

MOST_NAMED = 3
"""So many findings are named in an act's text; of more it says how many."""


def normal_answers(vocabulary: Vocabulary) -> dict[str, Value]:
    """What a normal image is: "No Finding" is present and what it excludes is absent; without it, all are absent."""
    normal = [name for name in vocabulary.findings if is_no_finding(name)]
    if not normal:
        return dict.fromkeys(vocabulary.findings, Value.ABSENT)
    excluded = dict.fromkeys((other for name in normal for other in vocabulary.excludes.get(name, ())), Value.ABSENT)
    return {**dict.fromkeys(normal, Value.PRESENT), **excluded}


def label_answers(
    project: Project, image_ids: Ids, answers: Mapping[str, Value], said: Judgement, text: str = ""
) -> Change | None:
    """Gives images an answer to each of several findings, as one act; excluded images are skipped.

    Args:
        project: Open for writing.
        image_ids: The images.
        answers: Value by finding.
        said: Who says it and how; its finding and value do not count.
        text: The act in words, of which it goes on to say on how many images; the answers where it is empty.

    Returns:
        What changed; None where nothing had to.
    """
    return done_at_once(project, labelling_answers(project, image_ids, answers, said, text))


def labelling_answers(
    project: Project, image_ids: Ids, answers: Mapping[str, Value], said: Judgement, text: str = ""
) -> Steps:
    """`label_answers` in short steps."""

    def record(act: Act) -> Iterator[None]:
        changed = dict.fromkeys(answers, 0)
        for part in parts_of(image_ids):
            for finding, value in answers.items():
                changed[finding] += record_label(project, act, part, replace(said, finding=finding, value=value))
                if len(part) * len(answers) > STEP:  # small acts know no pause
                    yield
        act.text = f"{text or answers_text(answers)} on {images_text(max(changed.values(), default=0))}"

    return in_steps(project, said.reader, record)


def label_rest_absent(project: Project, image_ids: Ids, vocabulary: Vocabulary, said: Judgement) -> Change | None:
    """Sets to absent, on each image, what the reader has not answered there, as one act.

    "No Finding" becomes absent where a finding that it excludes is present, and stays unread elsewhere: that nothing
    was marked does not say that the image is normal.

    Args:
        project: Open for writing.
        image_ids: The images.
        vocabulary: Its findings are meant.
        said: Who says it and how; its finding and value do not count.
    """
    return done_at_once(project, labelling_rest_absent(project, image_ids, vocabulary, said))


def labelling_rest_absent(project: Project, image_ids: Ids, vocabulary: Vocabulary, said: Judgement) -> Steps:
    """`label_rest_absent` in short steps."""

    def record(act: Act) -> Iterator[None]:
        count = 0
        for part in parts_of(np.unique(image_ids)):
            changed: list[Ids] = []
            for finding in vocabulary.findings:
                unread = _without(project, part, finding, said.reader)
                if is_no_finding(finding):
                    others = vocabulary.excludes.get(finding, ())
                    unread = np.intersect1d(unread, _present(project, unread, others, said))
                if record_label(project, act, unread, replace(said, finding=finding, value=Value.ABSENT)):
                    changed.append(unread)
                if len(part) * len(vocabulary.findings) > STEP:
                    yield
            count += np.unique(np.concatenate(changed)).size if changed else 0
        act.text = f"What was not read = absent on {images_text(count)}"

    return in_steps(project, said.reader, record)


def answers_text(answers: Mapping[str, Value]) -> str:
    """ "Effusion = present, Mass = absent"; of many, how many have which value."""
    if len(answers) <= MOST_NAMED:
        return ", ".join(f"{finding_text(finding)} = {VALUE_WORDS[value]}" for finding, value in answers.items())
    values = list(answers.values())
    counts = [f"{values.count(value)} {word}" for value, word in VALUE_WORDS.items() if value in values]
    return f"{len(answers)} findings ({', '.join(counts)})"


def _without(project: Project, image_ids: Ids, finding: str, reader: str) -> Ids:
    """Those of the images that carry no label of a finding."""
    with chosen_images(project, image_ids):
        rows = project.db.execute(
            """SELECT chosen.id FROM temp.chosen LEFT JOIN labels AS label
                   ON label.image_id = chosen.id AND finding = ? AND reader = ?
               WHERE label.value IS NULL ORDER BY chosen.id""",
            [finding, reader],
        ).fetchall()
    return np.fromiter((row[0] for row in rows), np.int64)


def _present(project: Project, image_ids: Ids, findings: Iterable[str], said: Judgement) -> Ids:
    """Those of the images on which any of the findings is present."""
    with chosen_images(project, image_ids):
        rows = project.db.execute(
            """SELECT DISTINCT chosen.id FROM temp.chosen CROSS JOIN labels ON image_id = chosen.id
               WHERE reader = ? AND value = 1 AND finding IN (SELECT value FROM json_each(?))""",
            [said.reader, json.dumps(list(findings))],
        ).fetchall()
    return np.fromiter((row[0] for row in rows), np.int64)
