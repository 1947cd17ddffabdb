"""Named SQL. A capability keeps its statements in `queries.sql`, each under a line `-- name: verb_noun`."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType


def load(package: str | None, file: str = "queries.sql") -> Mapping[str, str]:
    """The statements of a file of `package` by name, in order; a module passes its own `__package__`.

    ValueError when two share a name.
    """
    if package is None:
        raise ValueError("only a module of a package has statements")
    statements: dict[str, str] = {}
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    for block in text.split("-- name: ")[1:]:
        name, _, body = block.partition("\n")
        name = name.strip()
        if name in statements:
            raise ValueError(f"{package}: two statements are named {name}")
        statements[name] = body.strip().rstrip(";")
    return MappingProxyType(statements)
