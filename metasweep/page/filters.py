"""The language in which runs are filtered: the field above the table, and `--where`.

    lr>=0.01 and state=failed        a column, an operator (= == != < <= > >= in ~) and a value
    val/acc>=98% or tag:good         a percentage is a fraction; a tag
    model in (cnn, "two words")      one of several
    /resn.t/  name~/^big/            a regular expression, over everything or over one column
    cnn not sgd                      words: somewhere in the run; what stands side by side must all hold

`js/base/filter.js` is the same in the browser; `tests/page/filters.json` holds both to the same answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
TOKEN = re.compile(
    r"""\s*(?:
        (?P<regex>/(?:\\.|[^/\\\s])+/)(?=[\s()&|,]|$) | (?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)
        | (?P<operator>==|!=|<=|>=|[=<>~!&|(),\[\]]) | (?P<word>[^\s()&|!<>=~,\[\]"'`]+)
    )""",
    re.VERBOSE,
)
COMPARISONS = ("=", "==", "!=", "<", "<=", ">", ">=", "~")
MISSING = ("none", "null", "nan")
TRUTHS = {"true": True, "false": False}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)


class FilterError(ValueError):
    """A filter is wrong; the message says how, in one line."""


@dataclass(frozen=True)
class Token:
    """A piece of the text."""

    kind: str  # regex quoted operator word
    text: str

    @property
    def lower(self) -> str:
        """Return a bare word in lower case; empty for other tokens."""
        return self.text.lower() if self.kind == "word" else ""


def compile_filter(text: str, columns: Iterable[str]) -> Test:
    """Return the test of a run, given as its values by column. Raises FilterError.

    `columns`: the names that a comparison may use. A row's `tags` is one text, with the tags separated by
    commas.
    """
    return _Parser(tokens(text), list(columns)).parse()


def tokens(text: str) -> list[Token]:
    """The pieces of a filter."""
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"this cannot be read: {text[at:].strip()}")
        kind = str(match.lastgroup)
        piece = match[kind]
        found.append(Token(kind, piece if kind in ("operator", "word") else piece[1:-1]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, found: list[Token], columns: list[str]) -> None:
        self.tokens, self.at = found, 0
        self.columns = columns

    def parse(self) -> Test:
        if not self.tokens:
            return lambda _row: True
        test = self.either()
        if self.at < len(self.tokens):
            raise FilterError(f"{self.tokens[self.at].text} is not expected here")
        return test

    def peek(self, ahead: int = 0) -> Token:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else Token("end", "")

    def take(self, *texts: str) -> bool:
        """Skip an operator or one of the small words, if it comes next."""
        token = self.peek()
        if token.kind in ("operator", "word") and token.text.lower() in texts:
            self.at += 1
            return True
        return False

    def either(self) -> Test:
        tests = [self.all()]
        while self.take("or", "|"):
            tests.append(self.all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def all(self) -> Test:
        tests = [self.negated()]
        while True:
            token = self.peek()
            if (
                token.kind == "end"
                or token.lower == "or"
                or (token.kind == "operator" and token.text in "|)")
            ):
                return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)
            self.take("and", "&")
            tests.append(self.negated())

    def negated(self) -> Test:
        if self.take("not", "!"):
            test = self.negated()
            return lambda row: not test(row)
        if self.take("("):
            test = self.either()
            if not self.take(")"):
                raise FilterError("a ) is missing")
            return test
        return self.condition()

    def condition(self) -> Test:
        token, after = self.peek(), self.peek(1)
        if token.kind in ("end", "operator") or token.lower in ("and", "or"):
            raise FilterError(f"a condition is missing before {token.text or 'the end'}")
        self.at += 1
        is_name = token.kind in ("word", "quoted")
        if is_name and after.kind == "operator" and after.text in COMPARISONS:
            self.at += 1
            return self.comparison(token.text, after.text)
        if is_name and after.lower == "in" and self.peek(1).text in ("(", "["):
            self.at += 1
            values = self.values()
            tests = [compare(self.column(token.text), "=", value) for value in values]
            return lambda row: any(test(row) for test in tests)
        if token.kind == "regex":
            return matches_anywhere(pattern(token.text))
        if token.lower.startswith("tag:"):
            wanted = token.text[4:] or self.next_value().text
            return lambda row: wanted in tags(row)
        word = token.text.lower()
        return lambda row: any(word in text for text in texts(row))

    def comparison(self, name: str, operator: str) -> Test:
        column = self.column(name)
        value = self.next_value()
        if operator == "~" or value.kind == "regex":
            found = pattern(value.text if value.kind == "regex" else re.escape(value.text))
            test = lambda row: found.search(as_text(row.get(column))) is not None  # noqa: E731
            return test if operator != "!=" else lambda row: not test(row)
        return compare(column, operator, value)

    def next_value(self) -> Token:
        token = self.peek()
        if token.kind in ("end", "operator"):
            raise FilterError(f"a value is missing before {token.text or 'the end'}")
        self.at += 1
        return token

    def values(self) -> list[Token]:
        self.at += 1
        found = []
        while not self.take(")", "]"):
            found.append(self.next_value())
            if not self.take(",") and self.peek().text not in (")", "]"):
                raise FilterError("values in brackets are separated by commas")
        return found

    def column(self, name: str) -> str:
        for column in self.columns:
            if column == name:
                return column
        for column in self.columns:
            if column.lower() == name.lower():
                return column
        raise FilterError(f"there is no column {name}")


def compare(column: str, operator: str, value: Token) -> Test:
    """Compare numbers if both are numbers, else texts. For a missing value only != is true."""
    negative = operator == "!="
    if value.kind == "word" and value.lower in MISSING:
        return lambda row: is_missing(row.get(column)) != negative
    number, truth = as_number(value), TRUTHS.get(value.lower)

    def test(row: Row) -> bool:
        found = row.get(column)
        if is_missing(found):
            return negative
        if isinstance(found, bool):
            return holds(operator, found, truth) if truth is not None else negative
        if isinstance(found, int | float):
            return holds(operator, found, number) if number is not None else negative
        return holds(operator, str(found).lower(), value.text.lower())

    return test


def holds(operator: str, left: Any, right: Any) -> bool:
    """Return whether a comparison is true."""
    results = {
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "!=": lambda: left != right,
    }
    return bool(results.get(operator, lambda: left == right)())


def as_number(value: Token) -> float | None:
    """Return the number in a bare word; 98% is 0.98."""
    if value.kind != "word" or not NUMBER.fullmatch(value.text):
        return None
    return float(value.text[:-1]) / 100 if value.text.endswith("%") else float(value.text)


def is_missing(value: Any) -> bool:
    """Return whether a run has no such value."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def tags(row: Row) -> list[str]:
    """The tags of a run."""
    return [tag.strip() for tag in str(row.get("tags") or "").split(",")]


def texts(row: Row) -> list[str]:
    """Return what words and expressions search: every text of a run, in lower case."""
    return [value.lower() for value in row.values() if isinstance(value, str)]


def matches_anywhere(found: re.Pattern[str]) -> Test:
    """Return a test whether an expression is found in one of a run's texts."""
    return lambda row: any(found.search(value) for value in texts(row))


def pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression that ignores upper and lower case."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise FilterError(f"/{text}/ is no regular expression: {error}") from error


def as_text(value: Any) -> str:
    """Return a value as an expression sees it."""
    if is_missing(value):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
