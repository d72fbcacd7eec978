"""Choosing trials by name, with the expressions that pytest's ``-k`` understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from ebmbench.errors import UsageError

MAX_TOKENS = 200
OPERATORS = ("and", "or", "not", "(", ")")

Predicate = Callable[[str], bool]


def matcher(expression: str) -> Predicate:
    """A predicate on names from ``nce and not rings``: words match anywhere in the name, whatever their case.

    Raises:
        UsageError: if it is not such an expression.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression.lower())
    expected = "expected words with and, or, not, ( )"
    if not tokens:
        raise UsageError(f"-k: the expression is empty; {expected}")
    if len(tokens) > MAX_TOKENS:
        raise UsageError(f"-k: the expression has {len(tokens)} words and brackets; expected at most {MAX_TOKENS}")
    at = _fault(tokens)
    if at:
        raise UsageError(f"-k '{expression}': not an expression {at}; {expected}")
    words = {f"w{place}": token for place, token in enumerate(tokens) if token not in OPERATORS}
    names = [f"w{place}" if f"w{place}" in words else token for place, token in enumerate(tokens)]
    tree = ast.parse(" ".join(names), mode="eval").body
    return lambda name: _holds(tree, {key: word in name.lower() for key, word in words.items()})


def _fault(tokens: list[str]) -> str:
    """Where the first token stands that has no place in an expression; empty when all have one."""
    depth, waiting = 0, True  # for a word, or a bracket that opens
    for token in tokens:
        if waiting == (token in ("and", "or", ")")) or (token == ")" and not depth):
            return f"near '{token}'"
        depth += {"(": 1, ")": -1}.get(token, 0)
        waiting = token in ("and", "or", "not", "(")
    return "at its end" if waiting or depth else ""


def _holds(node: ast.expr, found: Mapping[str, bool]) -> bool:
    """Whether an expression of the names of words is true, if those that were found are."""
    if isinstance(node, ast.Name):
        return found[node.id]
    if isinstance(node, ast.BoolOp):
        return (all if isinstance(node.op, ast.And) else any)(_holds(value, found) for value in node.values)
    assert isinstance(node, ast.UnaryOp)
    return not _holds(node.operand, found)
