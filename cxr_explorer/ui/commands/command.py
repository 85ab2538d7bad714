"""Commands of the palette, and which of them a few typed words mean. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_WORD = re.compile(r"\w+")


def _nothing() -> None:
    """What a command without an effect does."""


@dataclass(frozen=True)
class Command:
    """One line of the palette.

    Attributes:
        text: What it is called.
        place: Where else it stands: a menu, or "Cluster", "Finding".
        tip: What it does, in one line; searched too, with less weight.
        keys: Its key as shown, or "".
        missing: Why it cannot be done now, or "".
        run: Does it.
    """

    text: str
    place: str = ""
    tip: str = ""
    keys: str = ""
    missing: str = ""
    run: Callable[[], None] = _nothing
    _named: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _about: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _initials: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = tuple(_WORD.findall(self.text.casefold()))
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_about", tuple(_WORD.findall(f"{self.place} {self.tip}".casefold())))
        object.__setattr__(self, "_initials", "".join(word[0] for word in named))

    def score(self, words: Sequence[str]) -> float:
        """How well the typed words (casefolded) fit; 0 when one of them fits nowhere.

        A word fits the whole of a word of the name (4), its beginning (3), its inside (1.5), the initials (1), or
        a word of the explanation (1 whole, 0.75 beginning); two letters at least for an inside and for initials.
        """
        total = 0.0
        for typed in words:
            best = 0.0
            for word in self._named:
                if word == typed:
                    best = 4.0
                    break
                if word.startswith(typed):
                    best = max(best, 3.0)
                elif len(typed) > 1 and typed in word:
                    best = max(best, 1.5)
            if best < 1 and len(typed) > 1 and self._initials.startswith(typed):
                best = 1.0
            if not best:
                best = max(
                    (1.0 if word == typed else 0.75 for word in self._about if word.startswith(typed)), default=0
                )
            if not best:
                return 0.0
            total += best
        return total / (1 + 0.01 * len(self._named))


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands that the typed text may mean, the likeliest first; all of them, in their order, for no text.

    Of commands that fit alike, those that can be done now come first, then the order given.
    """
    words = _WORD.findall(typed.casefold())
    if not words:
        return list(commands)
    scored = [(command.score(words), command) for command in commands]
    found = [(score, command) for score, command in scored if score]
    found.sort(key=lambda pair: (-round(pair[0], 1), bool(pair[1].missing), -pair[0]))
    return [command for _, command in found]
