"""Write an expression of Python as a binary tree in brackets, whose leaves are its tokens."""

from __future__ import annotations

import ast

# how tightly expressions hold together, as in the table of Python's reference manual
BINDING: dict[type[ast.AST], int] = {
    ast.IfExp: 0, ast.Or: 1, ast.And: 2, ast.Not: 3, ast.Compare: 4, ast.BitOr: 5, ast.BitXor: 6,
    ast.BitAnd: 7, ast.LShift: 8, ast.RShift: 8, ast.Add: 9, ast.Sub: 9, ast.Mult: 10, ast.Div: 10,
    ast.FloorDiv: 10, ast.Mod: 10, ast.MatMult: 10, ast.UAdd: 11, ast.USub: 11, ast.Invert: 11,
    ast.Pow: 12,
}  # fmt: skip
PRIMARY = 13  # names, calls and the like
SIGNS: dict[type[ast.AST], str] = {
    ast.Or: "or", ast.And: "and", ast.Not: "not", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&",
    ast.LShift: "<<", ast.RShift: ">>", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.FloorDiv: "//", ast.Mod: "%", ast.MatMult: "@", ast.UAdd: "+", ast.USub: "-",
    ast.Invert: "~", ast.Pow: "**", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=", ast.Is: "is", ast.IsNot: "is-not", ast.In: "in",
    ast.NotIn: "not-in",
}  # fmt: skip
OPEN, CLOSE = "-LRB-", "-RRB-"  # as treebanks write brackets that are words


class _OfAnotherKind(Exception):
    """An expression holds something else than is written here: a lambda, a display."""


def bracketed(node: ast.expr) -> str | None:
    """Return an expression in brackets: its label, or none of a node that only joins; None where it
    is, or holds, another kind of expression."""
    try:
        return _written(node)
    except _OfAnotherKind:
        return None


def _written(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return "(name x)"
        case ast.Constant(value=str()):
            return "(text '')"
        case ast.Constant(value=bool() | None):
            return f"(constant {node.value!r})"
        case ast.Constant(value=int() | float()):
            return "(number 0)"
        case ast.UnaryOp():
            sign = _leaf(SIGNS[type(node.op)])
            return _joined(_label(node.op), sign, _within(node.operand, _binding(node)))
        case ast.BinOp():
            return _binary(node)
        case ast.BoolOp():
            return _chain(node)
        case ast.Compare():
            return _comparison(node)
        case ast.IfExp():
            otherwise = _joined("", _leaf("else"), _written(node.orelse))
            condition = _joined("", _within(node.test, 1), otherwise)
            behind = _joined("", _leaf("if"), condition)
            return _joined("if", _within(node.body, 1), behind)
        case ast.Attribute():
            name = _joined("", _leaf("."), "(name x)")
            return _joined("attribute", _within(node.value, PRIMARY), name)
        case ast.Subscript():
            inner = _enclosed("", "[", _written(node.slice), "]")
            return _joined("subscript", _within(node.value, PRIMARY), inner)
        case ast.Call():
            return _call(node)
    raise _OfAnotherKind


def _binary(node: ast.BinOp) -> str:
    """What is beside an operator binds tighter than it does, but for one side: the left of most,
    the right of powers, which may be a signed number too."""
    own, power = _binding(node), isinstance(node.op, ast.Pow)
    left = _within(node.left, own + power)
    right = _within(node.right, BINDING[ast.USub] if power else own + 1)
    return _joined(_label(node.op), left, _joined("", _leaf(SIGNS[type(node.op)]), right))


def _chain(node: ast.BoolOp) -> str:
    """Values of one `and` or `or`, joined from the left."""
    first, *others = (_within(value, _binding(node) + 1) for value in node.values)
    for other in others:
        first = _joined(_label(node.op), first, _joined("", _leaf(SIGNS[type(node.op)]), other))
    return first


def _comparison(node: ast.Compare) -> str:
    found = _within(node.left, _binding(node) + 1)
    for sign, right in zip(node.ops, node.comparators, strict=True):
        beside = _within(right, _binding(node) + 1)
        found = _joined(_label(sign), found, _joined("", _leaf(SIGNS[type(sign)]), beside))
    return found


def _call(node: ast.Call) -> str:
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise _OfAnotherKind
    function = _within(node.func, PRIMARY)
    if not node.args:
        return _joined("call", function, _joined("", _leaf(OPEN), _leaf(CLOSE)))
    *others, arguments = map(_written, node.args)
    for argument in reversed(others):
        arguments = _joined("", argument, _joined("", _leaf(","), arguments))
    return _joined("call", function, _enclosed("", OPEN, arguments, CLOSE))


def _within(node: ast.expr, binding: int) -> str:
    """Return an expression, in parentheses where it binds less tightly than that."""
    text = _written(node)
    return text if _binding(node) >= binding else _enclosed("parentheses", OPEN, text, CLOSE)


def _binding(node: ast.expr) -> int:
    kind = type(node.op) if isinstance(node, ast.BinOp | ast.UnaryOp | ast.BoolOp) else type(node)
    return BINDING.get(kind, PRIMARY)


def _enclosed(label: str, before: str, text: str, after: str) -> str:
    return _joined(label, _leaf(before), _joined("", text, _leaf(after)))


def _leaf(word: str) -> str:
    return f"(sign {word})"


def _joined(label: str, left: str, right: str) -> str:
    return f"({label} {left} {right})" if label else f"({left} {right})"


def _label(operator: ast.AST) -> str:
    return type(operator).__name__.lower()
