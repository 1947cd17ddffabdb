"""A read policy text fitted to the terms' structs, every misfit reported at once.

A misfit is replaced by a stand-in so that the rest of the document can still be judged; a document with
any fault is refused as a whole, so no stand-in is ever used.
"""

import difflib
import re
from typing import TypeVar

from msgspec import NODEFAULT
from msgspec import inspect as shapes

from houfu.policy.source import Path, Plain, Source, clip

T = TypeVar("T")

Misfit = tuple[Path, str, str]

UNKNOWN = "unknown field"
"""The one misfit of a key, not of a value."""


def fit(source: Source, cls: type[T]) -> tuple[T, list[Misfit]]:
    """The document as a `cls`, and what did not fit."""
    misfits: list[Misfit] = []
    fitted = _fit(source.value, shapes.type_info(cls), (), misfits)
    assert isinstance(fitted, cls)  # noqa: S101 - a struct shape always yields its struct
    return fitted, misfits


def suggest(word: str, known: list[str]) -> str:
    """`did you mean ...` for a near miss, else nothing."""
    if len(word) > 64:  # nobody mistypes a name that badly
        return ""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{clip(near[0])}`?" if near else ""


def _fit(value: Plain, shape: shapes.Type, path: Path, misfits: list[Misfit]) -> object:
    match shape:
        case shapes.Metadata():
            return _fit(value, shape.type, path, misfits)
        case shapes.StructType():
            return _fit_struct(value, shape, path, misfits)
        case shapes.VarTupleType():
            return _fit_list(value, shape, path, misfits)
        case shapes.UnionType():
            kinds = [kind for kind in shape.types if not isinstance(kind, shapes.NoneType)]
            return None if value is None else _fit(value, kinds[0], path, misfits)
        case shapes.LiteralType():
            if value not in shape.values or isinstance(value, bool):
                words = [str(word) for word in shape.values]
                misfits.append((path, f"must be one of {', '.join(words)}", suggest(str(value), words)))
                return shape.values[0]
            return value
        case shapes.BoolType():
            if not isinstance(value, bool):
                misfits.append((path, f"must be true or false, not {_kind(value)}", ""))
                return False
            return value
        case shapes.IntType():
            return _fit_int(value, shape, path, misfits)
        case shapes.StrType():
            return _fit_str(value, shape, path, misfits)
        case _:
            raise TypeError(f"no policy term has the shape {shape}")


def _fit_struct(value: Plain, shape: shapes.StructType, path: Path, misfits: list[Misfit]) -> object:
    if not isinstance(value, dict):
        misfits.append((path, f"must be a mapping, not {_kind(value)}", ""))
        value = {}
        quiet: list[Misfit] = []
    else:
        quiet = misfits
    names = [field.encode_name for field in shape.fields]
    misfits.extend(((*path, key), UNKNOWN, suggest(key, names)) for key in value if key not in names)
    filled: dict[str, object] = {}
    for field in shape.fields:
        if field.encode_name in value:
            here = (*path, field.encode_name)
            filled[field.name] = _fit(value[field.encode_name], field.type, here, misfits)
        elif field.default is not NODEFAULT:
            filled[field.name] = field.default
        else:
            quiet.append(((*path, field.encode_name), "is missing", f"add `{field.encode_name}:`"))
            filled[field.name] = _fit(None, field.type, (*path, field.encode_name), [])
    made: object = shape.cls(**filled)
    return made


def _fit_list(value: Plain, shape: shapes.VarTupleType, path: Path, misfits: list[Misfit]) -> object:
    if not isinstance(value, list):
        misfits.append((path, f"must be a list, not {_kind(value)}", ""))
        return ()
    if len(value) < (shape.min_length or 0):
        misfits.append((path, "must not be empty", ""))
    if shape.max_length is not None and len(value) > shape.max_length:
        misfits.append((path, f"has over {shape.max_length} entries", ""))
        value = value[: shape.max_length]
    return tuple(_fit(entry, shape.item_type, (*path, at), misfits) for at, entry in enumerate(value))


def _fit_int(value: Plain, shape: shapes.IntType, path: Path, misfits: list[Misfit]) -> object:
    low, high = shape.ge, shape.le
    stand_in = low if low is not None and low > 0 else 0
    if isinstance(value, bool) or not isinstance(value, int):
        quoted = isinstance(value, str) and value.removeprefix("-").isdecimal()
        misfits.append(
            (path, f"must be an integer, not {_kind(value)}", "remove the quotes" if quoted else "")
        )
        return stand_in
    if (low is not None and value < low) or (high is not None and value > high):
        misfits.append((path, f"must be between {low} and {high}", ""))
        return stand_in
    return value


def _fit_str(value: Plain, shape: shapes.StrType, path: Path, misfits: list[Misfit]) -> object:
    if not isinstance(value, str):
        misfits.append((path, f"must be text, not {_kind(value)}", "quote it" if value is not None else ""))
        return ""
    if len(value.strip()) < (shape.min_length or 0):
        misfits.append((path, "must not be empty", ""))
    elif shape.max_length is not None and len(value) > shape.max_length:
        misfits.append((path, f"is over {shape.max_length} characters", ""))
        return ""
    elif shape.pattern is not None and not re.search(shape.pattern.replace("$", r"\Z"), value):
        misfits.append(
            (path, f"`{clip(value)}` does not have the form {shape.pattern}", _alike(value, shape.pattern))
        )
    return value


def _alike(value: str, pattern: str) -> str:
    """The value spelt as a code, where that has the form."""
    spelt = re.sub(r"[^a-z0-9]+", "_", value[:64].lower()).strip("_")
    return f"write `{spelt}`" if re.search(pattern.replace("$", r"\Z"), spelt) else ""


def _kind(value: Plain) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "an integer"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
