"""Join the tokens of an expression of Python by a table of precedence, as a parser of operators
does (Floyd, 1963): what a network that parses them can be compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

OPEN, CLOSE = ("-LRB-", "["), ("-RRB-", "]")
COMPARED = ("<", "<=", ">", ">=", "==", "!=", "is", "is-not", "in", "not-in")
BINARY = (  # from what binds least; those of the right side are cut at their first sign
    (("if",), "right"), (("else",), "right"), ((",",), "right"), (("or",), "left"),
    (("and",), "left"), (COMPARED, "left"), (("|",), "left"), (("^",), "left"), (("&",), "left"),
    (("<<", ">>"), "left"), (("+", "-"), "left"), (("*", "/", "//", "%", "@"), "left"),
    (("**",), "right"),
)  # fmt: skip
UNARY = {"not": 5, "-": 12, "+": 12, "~": 12}  # before which of those a sign is one
Join = Callable[[int, int], int]


def by_precedence(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the children of the tree over an expression, as `lab.data.trees` has them."""
    children: list[tuple[int, int]] = []

    def join(left: int, right: int) -> int:
        children.append((left, right))
        return len(words) + len(children) - 1

    _parsed(words, 0, len(words), join)
    return children


def _parsed(words: Sequence[str], start: int, end: int, join: Join) -> int:
    """Return the node over words [start, end)."""
    if end - start == 1:
        return start
    for level, (signs, side) in enumerate(BINARY):
        if UNARY.get(words[start]) == level:
            return join(start, _parsed(words, start + 1, end, join))
        places = [place for place in _outside(words, start, end) if words[place] in signs]
        if places:
            cut = places[0 if side == "right" else -1]
            left = _parsed(words, start, cut, join)
            return join(left, join(cut, _parsed(words, cut + 1, end, join)))
    return _primary(words, start, end, join)


def _outside(words: Sequence[str], start: int, end: int) -> list[int]:
    """Return the places of binary signs that no brackets enclose."""
    depth, found = 0, []
    for place in range(start, end):
        depth += (words[place] in OPEN) - (words[place] in CLOSE)
        before = words[place - 1] if place > start else ""
        operand = before in ("x", "0", "''", "True", "False", "None", *CLOSE)
        if depth == 0 and operand and words[place] not in CLOSE:
            found.append(place)
    return found


def _primary(words: Sequence[str], start: int, end: int, join: Join) -> int:
    """Return the node over a name, a call, something in brackets and the like."""
    if words[end - 2] == "." and end - start > 2:
        return join(_parsed(words, start, end - 2, join), join(end - 2, end - 1))
    begin, depth = end - 1, 1
    while depth and begin > start:
        begin -= 1
        depth += (words[begin] in CLOSE) - (words[begin] in OPEN)
    before = _parsed(words, start, begin, join) if begin > start else None
    inside = end - 1
    if end - begin > 2:
        inside = join(_parsed(words, begin + 1, end - 1, join), end - 1)
    enclosed = join(begin, inside)
    return enclosed if before is None else join(before, enclosed)
