"""Vocabularies: the findings a reader may judge, in the order of the keys 1 to 9."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from cxr_explorer.assets import asset
from cxr_explorer.errors import UserError

NO_FINDING = "No Finding"
"""The finding of an image without findings, spelled alike by NIH ChestX-ray14 and CheXpert."""

# CheXpert's labeller gives "No Finding" beside this one: a tube is no disease (Irvin et al. 2019, section 3.2).
_BESIDE_NO_FINDING = "support devices"

NUMBER_KEYS = 9
"""So many findings have a number key."""

GROUP = "#"
"""In a plain list, begins a line that names the group of the findings below it."""

MAX_FINDING_LENGTH = 60
_NOT_SAID: Mapping[str, tuple[str, ...]] = {}
_KEY = "\0"  # in no finding's name
_BUNDLED = ("nih-14", "chexpert-14")  # in the order they are offered


@dataclass(frozen=True)
class Vocabulary:
    """A named list of findings; making one cleans and checks the names.

    Attributes:
        name: What the vocabulary is called on screen.
        findings: Names of the findings, trimmed, in the order they are shown and numbered.
        excludes: Finding -> findings that cannot be present on the same image where it is. Where nothing is said of it,
            as in a plain list or an older project, it is the usual rule, see `usual_excludes`.
        groups: Name of a group -> its findings. The others stand before all groups.
        keys: The findings that the reader gave the number keys, from 1 on; see `keyed`.

    Raises:
        UserError: A name is not usable, see `clean_findings`; `excludes` or a group speaks of a finding that is not
            listed; or a finding is in two groups.
    """

    name: str
    findings: tuple[str, ...]
    excludes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOT_SAID, hash=False)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", clean_findings(self.findings))
        if self.excludes is _NOT_SAID:
            object.__setattr__(self, "excludes", usual_excludes(self.findings))
        for name in (*self.excludes, *chain(*self.excludes.values())):
            if name not in self.findings:
                raise UserError(
                    f"The vocabulary cannot be used: its “excludes” speaks of {name!r}, which is not among its "
                    "findings; write it as it stands there."
                )
        grouped = list(chain(*self.groups.values()))
        for name in grouped:
            if name not in self.findings or grouped.count(name) > 1:
                trouble = "is in two groups" if name in self.findings else "is in a group but not among the findings"
                raise UserError(f"The vocabulary cannot be used: {name!r} {trouble}; correct the groups.")
        object.__setattr__(self, "keys", tuple(name for name in self.keys if name in self.findings)[:NUMBER_KEYS])

    @property
    def keyed(self) -> tuple[str, ...]:
        """The findings that have a number key, from 1 on: those of the reader's choice, then the first others."""
        return (*self.keys, *(name for name in self.findings if name not in self.keys))[:NUMBER_KEYS]

    def with_key(self, finding: str, number: int) -> Vocabulary:
        """The same with a number key, from 1 on, for a finding; who had that key takes the one that is left."""
        keyed = list(self.keyed)
        place = min(number, len(keyed)) - 1
        if finding in keyed:
            keyed[keyed.index(finding)] = keyed[place]
        keyed[place] = finding
        return replace(self, keys=tuple(keyed))

    def sections(self) -> list[tuple[str, tuple[str, ...]]]:
        """The findings as they are shown: those of no group first, under "", then group by group."""
        grouped = set(chain(*self.groups.values()))
        alone = tuple(name for name in self.findings if name not in grouped)
        return [part for part in (("", alone), *self.groups.items()) if part[1]]

    def as_lines(self) -> str:
        """As plain text: one finding a line, a group's name after "#" above its findings."""
        lines: list[str] = []
        for group, names in self.sections():
            lines += [f"{GROUP} {group}", *names] if group else names
        return "\n".join(lines)

    def excludes_among(self, findings: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Its rule for these findings as well: the usual one goes for all of them, another stays what it is."""
        if self.excludes == usual_excludes(self.findings):
            return usual_excludes(dict.fromkeys((*self.findings, *findings)))
        return self.excludes

    def contradicting(self) -> list[tuple[str, str]]:
        """Every two findings, in both orders, that cannot be present on one image."""
        pairs = [(one, other) for one, others in self.excludes.items() for other in others]
        return list(dict.fromkeys(pairs + [(other, one) for one, other in pairs]))


def excludes_in(vocabulary: Vocabulary | None, findings: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """What excludes what among findings of a table: as the vocabulary says, or the usual rule where there is none."""
    return usual_excludes(findings) if vocabulary is None else vocabulary.excludes_among(findings)


def changed_keys(before: Vocabulary, now: Vocabulary) -> dict[int, str]:
    """The number keys, from 1 on, that stood for another finding before -> what they stand for now ("": nothing)."""
    new = dict(enumerate(now.keyed, 1))
    return {number: new.get(number, "") for number, old in enumerate(before.keyed, 1) if new.get(number, "") != old}


def finding_codes(findings: Iterable[str]) -> dict[str, str]:
    """Two letters for each finding, to type instead of its name; a finding keeps them when others are added after it.

    The initials of the first two words, else the first letter with a later one of the name, else any free two.
    """
    codes: dict[str, str] = {}
    taken: set[str] = set()
    for finding in findings:
        words = re.findall(r"[a-z]+", finding_key(finding).replace("ß", "ss"))
        letters = "".join(words)
        initials = [words[0][0] + words[1][0]] if len(words) > 1 else []
        names = [letters[:1] + letter for letter in letters[1:]]
        wanted = chain(initials, names, (a + b for a in letters[:1] + ascii_lowercase for b in ascii_lowercase))
        codes[finding] = next((code for code in wanted if len(code) == 2 and code not in taken), "")
        taken.add(codes[finding])
    return codes


def parse_lines(text: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Findings and groups of a plain list: one finding a line, "# Pleura" above those of a group.

    Raises:
        UserError: A name is not usable, see `clean_findings`.
    """
    names: list[str] = []
    groups: dict[str, list[str]] = {}
    group = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith(GROUP):
            group = line.lstrip(GROUP).strip()
        else:
            names.append(line)
            if group:
                groups.setdefault(group, []).append(line)
    return clean_findings(names), {name: tuple(members) for name, members in groups.items()}


def usual_excludes(findings: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """What goes without saying: where "No Finding" is present no other finding is, but for CheXpert's Support Devices.

    Nothing, where there is no finding of that name.
    """
    names = tuple(findings)
    others = tuple(name for name in names if not is_no_finding(name) and finding_key(name) != _BESIDE_NO_FINDING)
    return {name: others for name in names if is_no_finding(name) and others}


def is_no_finding(finding: str) -> bool:
    """Whether the name means "no finding", however it is capitalised."""
    return finding.casefold() == NO_FINDING.casefold()


def finding_key(finding: str) -> str:
    """What is the same in two spellings of one finding: "Pleural_Thickening" and "pleural-thickening".

    Upper and lower case, accents, and whether words are divided by blanks, "_" or hyphens do not count.
    """
    letters = "".join(
        "-" if unicodedata.category(letter) == "Pd" else letter
        for letter in unicodedata.normalize("NFKD", finding)
        if not unicodedata.combining(letter)
    )
    return re.sub(r"(?<=[^\W_])[\s_-]+(?=[^\W_])", " ", letters.strip()).casefold() or finding.casefold()


def spellings(known: Iterable[str]) -> Mapping[str, str]:
    """For `spelled`: what finds a known finding -> its name. Of two with one key the earlier is found."""
    names = list(known)[::-1]
    by_key = {_KEY + finding_key(name): name for name in names}
    return by_key | {name.casefold(): name for name in names} | {name: name for name in names}


def spelled(finding: str, known: Mapping[str, str]) -> str | None:
    """The known finding that is meant, in its own spelling, or None.

    Args:
        finding: As somebody spelled it.
        known: See `spellings`.
    """
    finding = finding.strip()
    return known.get(finding) or known.get(finding.casefold()) or known.get(_KEY + finding_key(finding))


def objection_to(finding: str) -> str | None:
    """Why the (trimmed) name cannot be a finding, or None when it can.

    "|" joins findings in NIH's tables, and a line break or control character does not survive being shown in a list.
    """
    if not finding:
        return "it is empty"
    if len(finding) > MAX_FINDING_LENGTH:
        return f"it is longer than {MAX_FINDING_LENGTH} characters"
    if "|" in finding:
        return 'it contains "|", which separates findings in label tables'
    # Cc control, Cs lone surrogate (cannot be written as UTF-8), Zl and Zp line and paragraph separator
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in finding):
        return "it contains a line break or another control character"
    return None


def clean_findings(names: Iterable[str]) -> tuple[str, ...]:
    """The names trimmed, in their order.

    Raises:
        UserError: There is no name; or one is empty, longer than 60 characters, contains "|", a line break or a control
            character, or repeats another one (upper and lower case count as the same).
    """
    cleaned: dict[str, str] = {}
    for name in names:
        finding = name.strip()
        if (objection := objection_to(finding)) is not None:
            raise UserError(f"The finding {finding[:80]!r} cannot be used: {objection}; rename it.")
        if (twin := cleaned.get(finding.casefold())) is not None:
            raise UserError(f"The finding {finding!r} cannot be used: {twin!r} is already in the list; rename one.")
        cleaned[finding.casefold()] = finding
    if not cleaned:
        raise UserError("The vocabulary cannot be used: it has no findings; give at least one.")
    return tuple(cleaned.values())


def load_vocabulary(path: Path) -> Vocabulary:
    """Read a vocabulary from a file.

    The file is UTF-8: either JSON, `{"name": "...", "findings": ["...", ...]}`, or plain text with one finding a line
    (blank lines are skipped, "# Pleura" begins a group, the vocabulary is named after the file). JSON may also have the
    keys "excludes", `{"<finding>": ["<finding>", ...]}`: what cannot be present where the first is; without it the
    usual rule goes, see `usual_excludes`; and "groups", `{"<group>": ["<finding>", ...]}`.

    Raises:
        UserError: The file cannot be read, is neither of the two, or a name in it is not usable.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"Cannot read the vocabulary {path}: {error.strerror}; choose another file.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"Cannot read the vocabulary {path}: it is not UTF-8 text; save it as UTF-8.") from error
    if not text.lstrip().startswith(("{", "[")):
        findings, groups = parse_lines(text)
        return Vocabulary(path.stem, findings, groups=groups)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"Cannot read the vocabulary {path}: it is not valid JSON ({error.msg}, line {error.lineno}); correct it."
        ) from error
    try:
        return vocabulary_of(content)
    except (KeyError, TypeError) as error:
        raise UserError(
            f'Cannot read the vocabulary {path}: it is not of the form {{"name": "...", "findings": ["...", ...]}}; '
            "correct it."
        ) from error


def vocabulary_of(content: Any) -> Vocabulary:
    """The vocabulary that JSON holds, in a file or in a project.

    Raises:
        KeyError, TypeError: It is not of that form.
        UserError: A name in it is not usable.
    """
    name, findings, excludes = content["name"], content["findings"], content.get("excludes")
    groups, keys = content.get("groups", {}), content.get("keys", [])
    lists = [findings, *(excludes.values() if isinstance(excludes, dict) else [] if excludes is None else [None])]
    lists += [keys, *(groups.values() if isinstance(groups, dict) else [None])]
    if not isinstance(name, str) or not all(
        isinstance(names, list) and all(isinstance(one, str) for one in names) for names in lists
    ):
        raise TypeError("not a vocabulary")
    rule = _NOT_SAID if excludes is None else {one: tuple(others) for one, others in excludes.items()}
    sorted_in = {group: tuple(members) for group, members in groups.items()}
    return Vocabulary(name, tuple(findings), rule, sorted_in, tuple(keys))


def bundled_vocabularies() -> tuple[Vocabulary, ...]:
    """The vocabularies that ship with the program: NIH ChestX-ray14 (with "No Finding" first), then CheXpert."""
    return tuple(load_vocabulary(asset("vocabularies", f"{stem}.json")) for stem in _BUNDLED)
