"""Any message that came from a bank: its kind is known by its namespace."""

from collections.abc import Callable, Mapping
from typing import Final

from houfu.iso20022 import camt053, camt054, pain001, pain002
from houfu.iso20022.message import Message, MessageRefused
from houfu.iso20022.writing import ROOT
from houfu.iso20022.xml import BYTES_MAX, prepared, root_of

_READERS: Final[Mapping[str, Callable[..., Message]]] = {
    pain001.KIND: pain001.read,
    **dict.fromkeys(pain002.KNOWN, pain002.read),
    **dict.fromkeys(camt053.KNOWN, camt053.read),
    **dict.fromkeys(camt054.KNOWN, camt054.read),
}
KNOWN: Final = tuple(_READERS)
"""Every kind and version that is read."""


def read(content: bytes, *, bytes_max: int = BYTES_MAX) -> Message:
    """The message of a file. Raises `MessageRefused`, in words, for what is not known, not whole or not safe."""
    uri, name = root_of(prepared(content, bytes_max=bytes_max))
    kind = uri.removeprefix(ROOT)
    if name != "Document" or not uri.startswith(ROOT) or kind not in _READERS:
        raise MessageRefused(
            f"a file of {name[:40]!r} in {uri[:80]!r} is not read; known are {', '.join(KNOWN)}"
        )
    return _READERS[kind](content, bytes_max=bytes_max)
