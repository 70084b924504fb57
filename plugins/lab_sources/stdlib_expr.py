"""Read the expressions of Python's standard library, and how its parser joins them."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import lab
from lab_sources.python_trees import bracketed
from lab_sources.stdlib import files
from lab_sources.tree_rows import parsed


def stdlib_expr(n: int, longest: int, seed: int) -> lab.Dataset:
    """Return n different expressions of 3 to `longest` tokens, to parse: tokens int [N, T], trees
    int [N, T - 1, 2], and the operator or kind of expression of each node that is one.

    Names, numbers and texts are x, 0 and ''. Files come in random order, until n are found; a group
    is a file, and an expression that several have is of the first. factors: length [N] in tokens.
    Each version of Python has others. Raises UsageError where its source is not there.
    """
    root = Path(sysconfig.get_path("stdlib"))
    paths = list(files(root)) if root.is_dir() else []
    if not paths:
        raise lab.UsageError(f"stdlib-expr: there is no source of Python in {root}")
    rng = np.random.default_rng(seed)
    found: dict[str, int] = {}
    for number, place in enumerate(rng.permutation(len(paths)).tolist()):
        for text in expressions(paths[place].read_text(encoding="utf-8", errors="replace")):
            if 5 <= text.count("(") <= 2 * longest - 1:  # a bracket for each node
                found.setdefault(text, number)
        if len(found) >= n:
            break
    texts = list(found)[:n]
    return parsed(texts, groups=np.array([found[text] for text in texts]))


def expressions(source: str) -> Iterator[str]:
    """Yield the largest expressions of a file in brackets, but for those of other kinds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old escapes in what is read
            opened: list[ast.AST] = [ast.parse(source)]
    except (SyntaxError, ValueError):  # some files of the library are made to be wrong
        return
    while opened:
        node = opened.pop()
        text = bracketed(node) if isinstance(node, ast.expr) else None
        if text is None:
            opened += reversed(list(ast.iter_child_nodes(node)))
        else:
            yield text
