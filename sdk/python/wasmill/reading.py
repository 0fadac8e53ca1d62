"""JSON in an event, read into a type: a dataclass, or what annotations can say besides.

What is wrong is told with its line and column, counted in bytes."""

from __future__ import annotations

import dataclasses
import decimal
import json
import re
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, TypeVar, cast

from .failure import Reject

T = TypeVar("T")

#: Exact, or not at all: a number of more than 38 digits is refused.
_DIGITS = decimal.Context(
    prec=38, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow]
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


#: Both give `value, end = scan(text, start)`: no copy of the event's part of the text is made.
scan = json.JSONDecoder(parse_constant=_no_constant).scan_once  # type: ignore[attr-defined]
_scan_decimals = json.JSONDecoder(  # type: ignore[attr-defined]
    parse_constant=_no_constant, parse_float=_DIGITS.create_decimal
).scan_once


class Mismatch(Exception):
    """What is there is not what the type says."""

    def __init__(self, message: str, at: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.field = field


Convert = Callable[[Any], Any]


def converter(kind: Any) -> Convert:
    """What makes a value of a type of one that JSON gave. It raises Mismatch."""
    made = _CONVERTERS.get(kind)
    if made is not None:
        return made
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        others = [argument for argument in arguments if argument is not types.NoneType]
        if len(others) == 1:
            return _optional(converter(others[0]))
    if origin is list and len(arguments) == 1:
        return _list(converter(arguments[0]))
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return _dict(converter(arguments[1]))
    if origin is typing.Literal:
        return _literal(arguments)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return reader(kind).of_object
    raise TypeError(f"{kind} cannot be read from JSON: a dataclass, str, int, float, bool, Decimal, list, dict, Literal and X | None can")


def _plain(expected: type, what: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not expected:
            raise Mismatch(f"invalid type: {_kind(value)}, expected {what}")
        return value

    return convert


def _float(value: Any) -> float:
    if type(value) in (int, float, Decimal):
        return float(value)
    raise Mismatch(f"invalid type: {_kind(value)}, expected a number")


def _decimal(value: Any) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int or (type(value) is str and _NUMBER.fullmatch(value)):
        try:
            return _DIGITS.create_decimal(value)
        except decimal.DecimalException:
            pass
    raise Mismatch(f"{json.dumps(value, ensure_ascii=False, default=str)} is not a decimal number of at most 38 digits")


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _list(convert: Convert) -> Convert:
    def convert_all(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Mismatch(f"invalid type: {_kind(value)}, expected a list")
        return [convert(item) for item in value]

    return convert_all


def _dict(convert: Convert) -> Convert:
    def convert_all(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Mismatch(f"invalid type: {_kind(value)}, expected an object")
        return {key: convert(item) for key, item in value.items()}

    return convert_all


def _literal(choices: tuple[Any, ...]) -> Convert:
    def convert(value: Any) -> Any:
        if value not in choices:
            raise Mismatch(f"{json.dumps(value, default=str)} is none of {', '.join(map(json.dumps, choices))}")
        return value

    return convert


_CONVERTERS: dict[Any, Convert] = {
    str: _plain(str, "a string"),
    int: _plain(int, "a whole number"),
    bool: _plain(bool, "a boolean"),
    float: _float,
    Decimal: _decimal,
    Any: lambda value: value,
    object: lambda value: value,
    dict: _plain(dict, "an object"),
    list: _plain(list, "a list"),
}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", Decimal: "number", str: "string", list: "sequence", dict: "map"}
    found = kinds.get(type(value), type(value).__name__)
    return f"{found} `{json.dumps(value, ensure_ascii=False, default=str)}`" if found not in ("sequence", "map") else found


_READERS: dict[type, Reader] = {}


def reader(kind: Any) -> Reader:
    """The reader of a type, made once."""
    found = _READERS.get(kind)
    if found is None:
        found = _READERS[kind] = Reader(kind)
    return found


@dataclasses.dataclass
class _Field:
    name: str
    #: As JSON has it.
    key: str
    convert: Convert
    default: Callable[[], Any] | None


class Reader:
    """Reads a type from JSON."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.is_dataclass = dataclasses.is_dataclass(kind)
        self.fields: list[_Field] = []
        if not self.is_dataclass:
            self.convert = converter(kind)
            self.quick = None
            return
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if field.init:
                self.fields.append(_Field(field.name, field.metadata.get("json", field.name), converter(hints[field.name]), _default(field)))
        self.quick = self._quick()

    def _quick(self) -> Callable[[str, int, int], Any]:
        """A function that reads text without escapes; None wherever it might not see what matters: names that repeat, or are missing."""
        lines = ["def quick(text, start, end):", "    value, at = scan(text, start)"]
        names: dict[str, Any] = {"scan": _scan_decimals, "kind": self.kind}
        checks = ["at != end"]
        for number, field in enumerate(self.fields):
            quoted = json.dumps(field.key, ensure_ascii=False)
            checks.append(f"text.count({quoted!r}, start, end) != 1")
            names[f"convert{number}"] = field.convert
        lines.append(f"    if {' or '.join(checks)}: return None")
        for number, field in enumerate(self.fields):
            lines.append(f"    value{number} = value[{field.key!r}]")
            exact = {_CONVERTERS[str]: "str", _CONVERTERS[Decimal]: "Decimal", _CONVERTERS[int]: "int"}.get(field.convert)
            guard = f"if type(value{number}) is not {exact}: " if exact else ""
            lines.append(f"    {guard}value{number} = convert{number}(value{number})")
        arguments = ", ".join(f"{field.name}=value{number}" for number, field in enumerate(self.fields))
        lines.append(f"    return kind({arguments})")
        names["Decimal"] = Decimal
        # As dataclasses make their methods: a loop over the fields would cost more than the work.
        exec("\n".join(lines), names)
        return cast(Callable[[str, int, int], Any], names["quick"])

    def of_text(self, text: str, start: int, end: int, escapes: bool) -> Any:
        """The value that stands there. Raises Reject."""
        if self.quick is not None and not escapes:
            try:
                found = self.quick(text, start, end)
            except Exception:
                # The careful way says what is wrong.
                found = None
            if found is not None:
                return found
        text = text[start:end]
        try:
            return self.careful(text)
        except Mismatch as error:
            at = len(text) if error.at is None else error.at
            raise Reject("bad-json", f"{error.message} at {place(text, at)}") from None

    def careful(self, text: str, strict: bool = False) -> Any:
        """The value. Raises Reject for what is no JSON, Mismatch for what is another one than wanted."""
        if not self.is_dataclass:
            return self.convert(parse(text))
        parse(text)
        found, end = self._walk(text)
        if strict:
            unknown = next((key for key in found if all(key != field.key for field in self.fields)), None)
            if unknown is not None:
                known = ", ".join(f"`{field.key}`" for field in self.fields)
                raise Mismatch(f"unknown field `{unknown}`, " + (f"expected one of {known}" if known else "there are no settings"), 0, unknown)
        values = {}
        for field in self.fields:
            if field.key not in found:
                values[field.name] = self._missing(field, end)
                continue
            value, at = found[field.key]
            try:
                values[field.name] = field.convert(value)
            except Mismatch as error:
                raise Mismatch(error.message, at if error.at is None else error.at, error.field or field.key) from None
        return self.kind(**values)

    def of_object(self, value: Any) -> Any:
        """The value, of one that was parsed already."""
        if not self.is_dataclass:
            return self.convert(value)
        if type(value) is not dict:
            raise Mismatch(f"invalid type: {_kind(value)}, expected an object")
        return self.kind(
            **{field.name: field.convert(value[field.key]) if field.key in value else self._missing(field, None) for field in self.fields}
        )

    def _missing(self, field: _Field, end: int | None) -> Any:
        if field.default is None:
            raise Mismatch(f"missing field `{field.key}`", end, field.key)
        return field.default()

    def _walk(self, text: str) -> tuple[dict[str, tuple[Any, int]], int]:
        """The fields of an object, and where each ends. The text is JSON."""
        at = _skip(text, 0)
        if text[at] != "{":
            raise Mismatch(f"invalid type: {_kind(parse(text))}, expected an object", at)
        at = _skip(text, at + 1)
        keys = {field.key for field in self.fields}
        found: dict[str, tuple[Any, int]] = {}
        while text[at] != "}":
            key, at = scanstring(text, at + 1)
            if key in found and key in keys:
                raise Mismatch(f"duplicate field `{key}`", at, key)
            start = _skip(text, _skip(text, at) + 1)
            try:
                value, at = _scan_decimals(text, start)
            except decimal.DecimalException:
                number = _NUMBER.search(text, start)
                at = number.end() if number else start
                raise Mismatch(f"{text[start:at]} is not a decimal number of at most 38 digits", at, key) from None
            found[key] = (value, at)
            at = _skip(text, at)
            if text[at] == ",":
                at = _skip(text, at + 1)
        return found, at + 1


def _default(field: dataclasses.Field[Any]) -> Callable[[], Any] | None:
    if field.default is not dataclasses.MISSING:
        default = field.default
        return lambda: default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    return None


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def parse(text: str) -> Any:
    """Any JSON. Raises Reject that says where it is none."""
    try:
        value, end = scan(text, _skip(text, 0))
        if _skip(text, end) != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        return value
    except json.JSONDecodeError as error:
        raise Reject("bad-json", f"{error.msg} at {place(text, error.pos)}") from None
    except StopIteration as error:
        raise Reject("bad-json", f"Expecting value at {place(text, int(error.value))}") from None
    except (ValueError, RecursionError) as error:
        raise Reject("bad-json", str(error)) from None


def place(text: str, at: int) -> str:
    """Where the byte before `at` stands, as editors count."""
    before = text[:at]
    line = before[before.rfind("\n") + 1 :]
    return f"line {before.count(chr(10)) + 1} column {len(line.encode())}"


def settings_of(kind: type[T], text: str) -> T:
    """A plugin's settings. `trusted-countries` is the field `trusted_countries`. Raises ValueError for the person who wrote them."""
    made = Reader(kind)
    for field in made.fields:
        field.key = field.key.replace("_", "-")
    try:
        return cast(T, made.careful(text, strict=True))
    except Mismatch as error:
        where = "settings" if error.field is None else f"setting `{error.field}`"
        raise ValueError(f"{where}: {error.message}") from None


_EXACT = re.compile(r'"\\u0000([^"]*)\\u0000"')


def dump(value: Any) -> bytes:
    """JSON of a value: dataclasses as objects, decimals as numbers with all of their digits."""
    decimals = False

    def default(other: Any) -> Any:
        nonlocal decimals
        if isinstance(other, Decimal):
            if not other.is_finite():
                raise TypeError(f"{other} has no JSON")
            decimals = True
            # No text in JSON can be mistaken for it but one that is so by intent.
            return f"\0{other:f}\0" if -40 <= other.as_tuple().exponent <= 0 else f"\0{other}\0"  # type: ignore[operator]
        if dataclasses.is_dataclass(other) and not isinstance(other, type):
            names = ((field.metadata.get("json", field.name), field.name) for field in dataclasses.fields(other))
            return {name: getattr(other, attribute) for name, attribute in names if name is not None}
        raise TypeError(f"a {type(other).__name__} has no JSON")

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default, allow_nan=False)
    return (_EXACT.sub(r"\1", text) if decimals else text).encode()
