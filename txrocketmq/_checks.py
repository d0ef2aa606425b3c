"""
What a setting may be: validators that say which one is wrong, and what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import attrs

from txrocketmq.errors import InvalidConfiguration


def _refuse(field: attrs.Attribute[Any], wanted: str, value: object) -> None:
    """
    Say which setting is wrong and what it must be.
    """
    raise InvalidConfiguration(f"{field.name} must be {wanted}, not {value!r}")


def seconds(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A finite time above zero.
    """
    if type(value) not in (int, float) or not 0 < value < 1e9:  # type: ignore[operator]
        _refuse(field, "a number of seconds above 0", value)


def count(least: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """
    A whole number that is not below another.
    """

    def check(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not int or value < least:
            _refuse(field, f"a whole number from {least}", value)

    return check


def name(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A string with something in it.  One that may be a secret is not shown.
    """
    if not isinstance(value, str) or not value.strip():
        shown = value if field.repr else type(value)
        _refuse(field, "a string that is not empty", shown)


def text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A string with something in it, or nothing at all.
    """
    if value is not None:
        name(instance, field, value)


def compression(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A compression this package knows.
    """
    if value not in ("ZLIB", "LZ4", "ZSTD"):
        _refuse(field, "ZLIB, LZ4 or ZSTD", value)


def oneOf(*types: type) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """
    A value of one of these types.
    """

    def check(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, types):
            _refuse(field, " or ".join(t.__name__ for t in types), value)

    return check


def every(
    type: Any, wanted: str
) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """
    Several values of a type.
    """

    def check(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, tuple | frozenset) or not all(
            isinstance(each, type) for each in value
        ):
            _refuse(field, wanted, value)

    return check


def function(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    Something to call, or the default.
    """
    if not callable(value) and value is not field.default:
        _refuse(field, "a callable", value)


def addressMap(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A mapping of addresses, or something to call.
    """
    if not isinstance(value, Mapping) and not callable(value):
        _refuse(field, "a mapping or a callable", value)


def address(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    Something that looks like C{host:port}.
    """
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    isPort = port.isascii() and port.isdigit() and len(port) < 6
    if not host.strip() or not isPort or not 0 < int(port) < 65536:
        _refuse(field, "a host:port", value)


def shortText(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    A string of 1 to 255 bytes, or nothing at all.  One that may be a secret is not
    shown.
    """
    if value is None:
        return
    if not isinstance(value, str) or not _isShort(value):
        shown = value if field.repr else type(value)
        _refuse(field, "a string of 1 to 255 bytes", shown)


def rising(
    instance: object, field: attrs.Attribute[Any], value: object, *, strictly: bool
) -> None:
    """
    Whole numbers from 0, in their order, at least one.

    @param strictly: Whether no two of them may be equal.
    """
    numbers = value if isinstance(value, tuple) else ()
    step = 1 if strictly else 0
    if (
        not numbers
        or not all(type(each) is int and each >= 0 for each in numbers)
        or any(b - a < step for a, b in pairwise(numbers))
    ):
        _refuse(field, "whole numbers of milliseconds that rise, at least one", value)


def thresholds(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    Milliseconds that rise.
    """
    rising(instance, field, value, strictly=True)


def durations(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """
    Milliseconds that do not fall.
    """
    rising(instance, field, value, strictly=False)


def tupleOf(given: Any) -> Any:
    """
    A copy of several values; what is a single one is left to be refused.
    """
    return tuple(given) if _isSeveral(given) else given


def frozensetOf(given: Any) -> Any:
    """
    The same, without order.
    """
    return frozenset(given) if _isSeveral(given) else given


def _isShort(text: str) -> bool:
    """
    Whether a text has 1 to 255 bytes.
    """
    try:
        return 0 < len(text.encode()) < 256
    except UnicodeEncodeError:
        return False


def _isSeveral(given: object) -> bool:
    """
    Whether something can be copied value by value.
    """
    return isinstance(given, Iterable) and not isinstance(given, str | bytes)
