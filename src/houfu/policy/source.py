"""A policy text read into plain values that remember where they stood.

Only a small, unambiguous YAML is taken: mappings with text keys, lists, text, decimal integers,
`true`/`false` and `null`. Floats, unquoted dates and times, tags, anchors, aliases, duplicate keys and characters
that nobody sees are faults, so a text means the same to every reader and cannot grow when it is read.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from houfu.policy.fault import Fault

SOURCE_BYTES_MAX = 256 * 1024
DEPTH_MAX = 12
VALUES_MAX = 20_000

Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]
Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Resolves(Protocol):
    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str: ...


_RESOLVER: _Resolves = yaml.resolver.Resolver()
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,29})")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML ends a line with."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Characters that steer a terminal, a database or the direction of writing instead of being read."""
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_BLANK_ESCAPES = frozenset("ntrvfNLP_ \t")
_TAG_FAULTS = {
    "float": ("a float is not allowed", "use an integer: fen, basis points or hundredths"),
    "timestamp": ("a date must be quoted", 'write it as "2026-01-31"'),
    "merge": ("a merge key is not allowed", "write the keys out"),
    "value": ("`=` must be quoted", ""),
}


_TOO_BIG = Fault(1, 1, "$", f"the document is over {SOURCE_BYTES_MAX // 1024} kB", "a policy is far smaller")


class SourceFault(Exception):
    """Reading cannot go on; carries the one fault that stopped it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Source:
    """A read text: its value, where each path and its key begin, and the faults found on the way."""

    value: Plain
    lines: tuple[str, ...]
    spans: dict[Path, tuple[int, int]]
    keys: dict[Path, tuple[int, int]]
    faults: tuple[Fault, ...]

    def fault(
        self, path: Path, message: str, suggestion: str = "", *, offset: int = 0, at_key: bool = False
    ) -> Fault:
        """A fault at `path`; `offset` counts characters into the text value that stands there, `at_key`: at its key."""
        line, column = self.keys[path] if at_key and path in self.keys else self._position(path, offset)
        return Fault(line + 1, column + 1, path_text(path), message, suggestion)

    def _position(self, path: Path, offset: int) -> tuple[int, int]:
        known = path
        while known and known not in self.spans:
            known = known[:-1]
        line, column = self.spans.get(known, (0, 0))
        value = _at(self.value, known)
        if offset == 0 and not self._header(line, column):
            return line, column
        if known != path or not isinstance(value, str):
            return line, column
        # Folding and indentation only move white space, so the n-th visible character is the same one.
        wanted = len("".join(value[:offset].split()))
        for at_line, at_column in self._visible(line, column):
            if wanted == 0:
                return at_line, at_column
            wanted -= 1
        return line, column

    def _header(self, line: int, column: int) -> str:
        """What stands before the text itself: a quote, or the mark of a block."""
        head = self.lines[line][column : column + 1] if line < len(self.lines) else ""
        return head if head in {"'", '"', "|", ">"} else ""

    def _visible(self, line: int, column: int) -> Iterator[tuple[int, int]]:
        """Where every character of the value stands that is no white space."""
        header = self._header(line, column)
        if header in {"|", ">"}:
            line, column = line + 1, 0
        elif header:
            column += 1
        for at_line in range(line, len(self.lines)):
            text, at_column = self.lines[at_line], column
            while at_column < len(text):
                width, seen = 1, not text[at_column].isspace()
                if header == '"' and text[at_column] == "\\":
                    width, seen = _escaped(text, at_column)
                elif header == "'" and text.startswith("''", at_column):
                    width = 2
                if seen:
                    yield at_line, at_column
                at_column += width
            column = 0


def _escaped(text: str, column: int) -> tuple[int, bool]:
    """How wide the escape at `column` is, and whether it stands for something that is no white space."""
    found = _ESCAPE.match(text, column)
    if found is None:  # a backslash at the end of a line joins it to the next
        return 1, False
    code = found.group(1) or found.group(2) or found.group(3)
    return len(found.group()), not (
        chr(int(code, 16)).isspace() if code else found.group(4) in _BLANK_ESCAPES
    )


@dataclass(slots=True)
class _Reading:
    """The state of one pass over the events; nesting is a stack, never recursion."""

    spans: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    faults: list[Fault] = field(default_factory=list[Fault])
    stack: list["_Open"] = field(default_factory=list["_Open"])
    root: Plain = None
    rooted: bool = False
    values: int = 0


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    path: Path
    container: list[Plain] | dict[str, Plain]
    key: str | None = None
    dropped: bool = False


def read_source(text: str | bytes) -> Source:
    """Read a policy text, at most 256 kB, 12 levels deep and 20,000 values. Raises SourceFault."""
    if len(text) > SOURCE_BYTES_MAX:
        raise SourceFault(_TOO_BIG)
    try:
        raw = text.encode() if isinstance(text, str) else text
        decoded = raw.decode("utf-8-sig")
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError | UnicodeEncodeError) else 0
        hint = "save it as UTF-8"
        raise SourceFault(Fault(1, 1, "$", f"the document is not UTF-8 (at {at})", hint)) from None
    if len(raw) > SOURCE_BYTES_MAX:
        raise SourceFault(_TOO_BIG)
    reading = _Reading()
    try:
        for event in yaml.parse(decoded, Loader=_LOADER):
            _take(reading, event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        problem = error.problem or "not YAML"
        raise SourceFault(Fault(line + 1, column + 1, "$", f"not YAML: {problem}")) from None
    except yaml.YAMLError as error:
        raise SourceFault(Fault(1, 1, "$", f"not YAML: {str(error).splitlines()[0]}")) from None
    if not isinstance(reading.root, dict):
        raise SourceFault(Fault(1, 1, "$", "the document must be a mapping"))
    return Source(
        reading.root, tuple(_BREAK.split(decoded)), reading.spans, reading.keys, tuple(reading.faults)
    )


def canonical_sha256(value: Plain) -> str:
    """SHA-256 (hex) of the value as JSON with sorted keys: comments and layout do not count."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def path_text(path: Path) -> str:
    """`("steps", 0, "amount")` as `steps[0].amount`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{clip(part)}" if text else clip(part)
    return text or "$"


def clip(text: str) -> str:
    """At most 60 characters of an author's text, for a message: what cannot be seen is shown as its number."""
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return (
        short
        if short.isprintable()
        else "".join(part if part.isprintable() else _number(part) for part in short)
    )


def _number(character: str) -> str:
    return f"<U+{ord(character):04X}>"


def _at(value: Plain, path: Path) -> Plain:
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            return None
    return value


def _take(reading: _Reading, event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise SourceFault(_fault_at(event, _path(reading), "an alias is not allowed", "write it out"))
    if isinstance(event, yaml.NodeEvent) and getattr(event, "anchor", None) is not None:
        raise SourceFault(_fault_at(event, _path(reading), "an anchor is not allowed", "write it out"))
    if isinstance(event, yaml.DocumentStartEvent) and reading.rooted:
        raise SourceFault(_fault_at(event, (), "only one document is allowed"))
    if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
        reading.stack.pop()
    elif isinstance(event, yaml.ScalarEvent):
        _take_scalar(reading, event)
    elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        if event.tag is not None:
            raise SourceFault(_fault_at(event, _path(reading), f"the tag {clip(event.tag)} is not allowed"))
        if len(reading.stack) >= DEPTH_MAX:
            raise SourceFault(_fault_at(event, _path(reading), f"nested over {DEPTH_MAX} levels"))
        top = reading.stack[-1] if reading.stack else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            raise SourceFault(_fault_at(event, top.path, "a key must be plain text"))
        container: list[Plain] | dict[str, Plain] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = _place(reading, event, container)
        reading.stack.append(_Open(path, container))


def _take_scalar(reading: _Reading, event: yaml.ScalarEvent) -> None:
    top = reading.stack[-1] if reading.stack else None
    if top is not None and isinstance(top.container, dict) and top.key is None:
        if event.tag is not None or _tag(event) != "str":
            reading.faults.append(
                _fault_at(event, top.path, f"the key {clip(event.value)} must be plain text")
            )
        elif (unseen := _UNSEEN.search(event.value)) is not None:
            reading.faults.append(
                _fault_at(event, top.path, f"the key {clip(event.value)} holds {_number(unseen.group())}")
            )
        top.key = event.value
        top.dropped = event.value in top.container
        if not top.dropped:
            reading.keys[(*top.path, event.value)] = _mark(event)
        else:
            reading.faults.append(_fault_at(event, (*top.path, event.value), "the key is given twice"))
        return
    _place(reading, event, _scalar(reading, event))


def _scalar(reading: _Reading, event: yaml.ScalarEvent) -> Plain:
    path = _path(reading)
    text: str = event.value
    if event.tag is not None:
        raise SourceFault(_fault_at(event, path, f"the tag {clip(event.tag)} is not allowed"))
    tag, shown = _tag(event), clip(text)
    if tag == "str":
        if (unseen := _UNSEEN.search(text)) is not None:
            message = f"the text holds a character that nobody sees, {_number(unseen.group())}"
            reading.faults.append(_fault_at(event, path, message, "remove it"))
        return text
    if tag == "null":
        return None
    if tag == "bool" and text in {"true", "false"}:
        return text == "true"
    if tag == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if tag == "bool":
        message, suggestion = f"`{shown}` must be written true or false, or quoted", ""
    elif tag == "int":
        message, suggestion = f"`{shown}` is not a plain decimal integer", "quote it if it is text"
    else:
        message, suggestion = _TAG_FAULTS.get(tag, (f"`{shown}` is not allowed here", ""))
    reading.faults.append(_fault_at(event, path, message, suggestion))
    return text


def _tag(event: yaml.ScalarEvent) -> str:
    """The short YAML 1.1 type of a scalar: `str` for anything quoted."""
    plain, _ = event.implicit
    if not plain:
        return "str"
    return _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False)).rsplit(":", 1)[-1]


def _path(reading: _Reading) -> Path:
    """Where the next value will stand."""
    if not reading.stack:
        return ()
    top = reading.stack[-1]
    return (*top.path, len(top.container) if isinstance(top.container, list) else top.key or "")


def _place(reading: _Reading, event: yaml.Event, value: Plain) -> Path:
    reading.values += 1
    path = _path(reading)
    if reading.values > VALUES_MAX:
        raise SourceFault(_fault_at(event, path, f"over {VALUES_MAX} values"))
    if not reading.stack:
        reading.root, reading.rooted = value, True
        reading.spans[path] = _mark(event)
        return path
    top = reading.stack[-1]
    if isinstance(top.container, list):
        top.container.append(value)
        reading.spans[path] = _mark(event)
    elif top.key is not None:
        if not top.dropped:  # of a key given twice the first stands
            top.container[top.key] = value
            reading.spans[path] = _mark(event)
        top.key = None
    return path


def _mark(event: yaml.Event) -> tuple[int, int]:
    return (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)


def _fault_at(event: yaml.Event, path: Path, message: str, suggestion: str = "") -> Fault:
    line, column = _mark(event)
    return Fault(line + 1, column + 1, path_text(path), message, suggestion)
