"""Two texts side by side with what differs marked: by words of letters and digits, by single Chinese characters."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

TOKEN = re.compile(r"[A-Za-z]+|\d+(?:[.,]\d+)*|\s+|.", re.DOTALL)
MOST = 6000  # tokens of both texts that are compared; longer ones are marked whole
ALIKE = 0.2  # texts that share less than this are told as one replaced by the other


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    differs: bool


Pieces = tuple[Piece, ...]


def pieces(old: str, new: str) -> tuple[Pieces, Pieces]:
    """Both texts, cut where they differ. Joined again they are what was given."""
    a, b = TOKEN.findall(old), TOKEN.findall(new)
    if not a or not b or len(a) + len(b) > MOST:
        return _whole(old), _whole(new)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.quick_ratio() < ALIKE:
        return _whole(old), _whole(new)
    left: list[Piece] = []
    right: list[Piece] = []
    for what, a_from, a_to, b_from, b_to in matcher.get_opcodes():
        _add(left, "".join(a[a_from:a_to]), what != "equal")
        _add(right, "".join(b[b_from:b_to]), what != "equal")
    return tuple(left), tuple(right)


def _whole(text: str) -> Pieces:
    return (Piece(text, True),) if text else ()


def _add(found: list[Piece], text: str, differs: bool) -> None:
    if text:
        found.append(Piece(text, differs))
