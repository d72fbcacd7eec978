"""Choosing trials by name, with the expressions that pytest's ``-k`` understands."""

from __future__ import annotations

import re
from collections.abc import Callable

from ebmbench.suite.errors import UsageError

_TOKEN = re.compile(r"\s*(?:(?P<mark>[()])|(?P<word>[^\s()]+))")

MOST_TOKENS = 200

Predicate = Callable[[str], bool]


def matcher(expression: str) -> Predicate:
    """A predicate on names from ``nce and not rings``: words match anywhere in the name, whatever their case.

    Raises:
        UsageError: if it is not such an expression.
    """
    tokens = [match["mark"] or match["word"] for match in _TOKEN.finditer(expression)]
    if not tokens:
        raise UsageError("-k: the expression is empty; expected words with and, or, not, ( )")
    if len(tokens) > MOST_TOKENS:
        raise UsageError(f"-k: the expression has {len(tokens)} words and brackets; expected at most {MOST_TOKENS}")
    parser = _Parser(expression, tokens)
    predicate = parser.either()
    if parser.tokens:
        parser.fail()
    return lambda name: predicate(name.lower())


class _Parser:
    """Recursive descent: or, and, not, word."""

    def __init__(self, expression: str, tokens: list[str]) -> None:
        self.expression, self.tokens = expression, tokens

    def fail(self) -> None:
        at = f"near '{self.tokens[0]}'" if self.tokens else "at its end"
        raise UsageError(f"-k '{self.expression}': not an expression {at}; expected words with and, or, not, ( )")

    def take(self, token: str) -> bool:
        if self.tokens and self.tokens[0].lower() == token:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return lambda name: any(part(name) for part in parts)

    def both(self) -> Predicate:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return lambda name: all(part(name) for part in parts)

    def negation(self) -> Predicate:
        if self.take("not"):
            part = self.negation()
            return lambda name: not part(name)
        return self.word()

    def word(self) -> Predicate:
        if self.take("("):
            inner = self.either()
            if not self.take(")"):
                self.fail()
            return inner
        if not self.tokens or self.tokens[0].lower() in ("and", "or", ")"):
            self.fail()
        word = self.tokens.pop(0).lower()
        return lambda name: word in name
