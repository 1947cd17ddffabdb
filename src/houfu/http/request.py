"""Reading requests: a bounded body, strict JSON, queries, idempotency keys, the caller's language."""

import functools
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeVar, cast, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from houfu.core.reason import Language
from houfu.http.fields import LINES
from houfu.http.problem import FieldError, Problem, invalid

BODY_BYTES_MAX: Final = 1_000_000

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
S = TypeVar("S", bound=msgspec.Struct)

_PLACE: Final = re.compile(r"(?P<message>.*?)(?: - at `(?P<at>.*)`)?", re.DOTALL)
_FIELD: Final = re.compile(r"(?:unknown|missing required) field `([^`]*)`")
_KEY: Final = re.compile(rb"[\x20-\x7e]{1,255}")
_TAKEN_FOR_JSON: Final = frozenset({b"", b"application/json", b"application/x-www-form-urlencoded"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LINE_ENDS: Final = {ord(sign): " " for sign in "\n\r\t"}
_WHOLE: Final = frozenset({"limit", "version", "journal_from", "journal_to", "amount_min", "amount_max"})
"""Parameters that are whole numbers."""


async def read_body(receive: Receive, content_length: bytes | None) -> bytes:
    """The whole body, at most 1 MB; a longer one is a Problem as soon as that is known."""
    if content_length is not None and (not content_length.isdigit() or int(content_length) > BODY_BYTES_MAX):
        raise _too_large()
    message = await receive()
    if message["type"] != "http.request":
        raise Problem("body_interrupted")
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        return body
    parts, size = [body], len(body)
    while True:
        if size > BODY_BYTES_MAX:
            raise _too_large()
        message = await receive()
        if message["type"] != "http.request":
            raise Problem("body_interrupted")
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            break
    if size > BODY_BYTES_MAX:
        raise _too_large()
    return b"".join(parts)


def _too_large() -> Problem:
    return Problem("body_too_large", headers=((b"connection", b"close"),))


def must_be_json(content_type: bytes | None) -> None:
    """Problem when the body says that it is something else. No content type at all is taken for JSON, and so is
    that of a form, which curl sends unless told otherwise."""
    if content_type is None or content_type.startswith(b"application/json"):
        return
    kind = content_type.partition(b";")[0].strip().lower()
    if kind not in _TAKEN_FOR_JSON and not kind.endswith(b"+json"):
        raise Problem("media_type_unsupported")


def decode(decoder: msgspec.json.Decoder[S], body: bytes) -> S:
    """The body as its struct. Problem 400 for what is no JSON, 422 for JSON that does not fit."""
    try:
        decoded = decoder.decode(body or b"{}")
    except msgspec.ValidationError as misfit:
        raise misfitting(misfit) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        where = str(broken) if isinstance(broken, msgspec.DecodeError) else "the body is no UTF-8 JSON"
        raise Problem("json_invalid", (FieldError("", where),)) from None
    # Raw control characters are no JSON; escaped ones need a backslash. So few bodies need the second look.
    if b"\\" in body:
        values = cast("dict[str, object]", msgspec.to_builtins(decoded))
        for name in _fields_of_lines(type(decoded)) & values.keys():
            values[name] = str(values[name]).translate(_LINE_ENDS)
        _refuse_control_characters("", values)
    return decoded


@functools.cache
def _fields_of_lines(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The fields whose text may have several lines."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name, hint in hints.items() if LINES in getattr(hint, "__metadata__", ()))


def convert(values: Mapping[str, str], kind: type[S]) -> S:
    """Path or query parameters as their struct. Problem 422 where one does not fit."""
    for name, value in values.items():
        if _CONTROL.search(value):
            raise invalid(name, "holds a control character")
        # The lax conversion that turns text into integers would also take 5e1 and 50.0.
        if name in _WHOLE and not (value.isascii() and value.isdigit()):
            raise invalid(name, "Expected `int`")
    try:
        converted = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as misfit:
        raise misfitting(misfit) from None
    for name in values:
        # It would also take the text null for no value at all.
        if getattr(converted, name) is None:
            raise invalid(name, "is not given by the word null")
    return converted


def query_of(query_string: bytes) -> dict[str, str]:
    """The query's parameters. Problem 422 when one is given twice or is not UTF-8."""
    values: dict[str, str] = {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise invalid("query", "is not readable") from None
    for name, value in pairs:
        if name in values:
            raise invalid(name, "is given twice")
        values[name] = value
    return values


def misfitting(misfit: msgspec.ValidationError) -> Problem:
    """The problem of a value that does not fit its struct, with its place as `items[3].amount`."""
    matched = _PLACE.fullmatch(str(misfit))
    message, at = (matched["message"], matched["at"] or "") if matched else (str(misfit), "")
    place = at.removeprefix("$").removeprefix(".")
    named = _FIELD.search(message)
    if named is not None:
        place = f"{place}.{named[1]}" if place else named[1]
    return Problem("input_invalid", (FieldError(place, message),))


def idempotency_key(header: bytes | None, *, required: bool) -> str | None:
    """The key the header carries. Problem when it must and does not, or cannot be one."""
    if header is None:
        if required:
            raise Problem("idempotency_key_missing")
        return None
    if not _KEY.fullmatch(header):
        raise Problem("idempotency_key_invalid")
    return header.decode("ascii")


def language_of(accept_language: bytes | None) -> Language:
    """English where the caller's first choice is English, else Chinese."""
    return "en" if accept_language is not None and accept_language[:2].lower() == b"en" else "zh"


def _refuse_control_characters(place: str, value: object) -> None:
    match value:
        case str():
            if _CONTROL.search(value):
                raise invalid(place, "holds a control character")
        case dict():
            for name, inner in cast("dict[str, object]", value).items():
                _refuse_control_characters(f"{place}.{name}" if place else name, inner)
        case list():
            for nth, inner in enumerate(cast("list[object]", value)):
                _refuse_control_characters(f"{place}[{nth}]", inner)
        case _:
            return
