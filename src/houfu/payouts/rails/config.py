"""The rails of an installation, read from a file: which bank pays whom, from which account, and how it is reached.

The file holds no secret, only the paths of keys and certificates.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from houfu.iso20022.message import Party
from houfu.payouts.rails.rail import ARCHIVES, Rail
from houfu.policy.fault import Fault
from houfu.policy.source import Path, Plain, Source, SourceFault, read_source

RAILS_MAX: Final = 64
FILE_PAYMENTS: Final = 10_000
"""How many payments a file holds at most, unless the rail says otherwise."""

Approval = Literal["two_people", "automatic"]

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=140, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_ABSOLUTE: Final = r"^/[^\x00-\x1f\x7f]*\Z"
_LocalPath = Annotated[str, msgspec.Meta(max_length=1024, pattern=_ABSOLUTE)]
_FarPath = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Code = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]{1,32}\Z")]
_Archives = Annotated[tuple[_FarPath, ...], msgspec.Meta(max_length=16)]


class DirectoryTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two directories of this machine. `archives` are seen from `outgoing`."""

    outgoing: _LocalPath
    incoming: _LocalPath
    archives: _Archives = ARCHIVES


class SftpTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two directories of a server that is reached over SFTP."""

    host: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.:-]{0,252}\Z")]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 22
    user: _Text
    key_file: _LocalPath
    known_hosts: _LocalPath
    outgoing: _FarPath
    incoming: _FarPath
    archives: _Archives = ARCHIVES


class HttpsTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service that is reached with a client certificate. Without TLS, which only this machine may, no files."""

    url: Annotated[str, msgspec.Meta(max_length=1024)]
    certificate: _LocalPath | None = None
    key: _LocalPath | None = None
    ca: _LocalPath | None = None


class SimulatedTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bank that is built in."""


Adapter = DirectoryTerms | SftpTerms | HttpsTerms | SimulatedTerms


class RailTerms(msgspec.Struct, frozen=True):
    """A rail as agreed with its bank. `banks` are what the codes of the payees' banks begin with; none: all others."""

    name: str
    account: Party
    banks: tuple[str, ...]
    approval: Approval
    file_payments_max: int
    adapter: Adapter


class RailsConfig(msgspec.Struct, frozen=True):
    """The rails in the file's order; exactly one names no banks."""

    rails: tuple[RailTerms, ...]


class RailsInvalid(ValueError):
    """The file cannot be used. `faults` are all that was found, each with its line, column and path."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def route(config: RailsConfig, bank_code: str) -> RailTerms:
    """The rail that pays an account at the bank of that code."""
    named = (rail for rail in config.rails if rail.banks and bank_code.startswith(rail.banks))
    return next(named, None) or next(rail for rail in config.rails if not rail.banks)


def read_rails(text: str | bytes) -> RailsConfig:
    """The rails in a YAML text. RailsInvalid tells every fault at once."""
    try:
        source = read_source(text)
    except SourceFault as stopped:
        raise RailsInvalid((str(stopped.fault),)) from None
    reading = _Reading(source)
    file = reading.fields(source.value, _File, ())
    entries = _list(file.get("rails"))
    found = [reading.rail(entry, ("rails", index)) for index, entry in enumerate(entries)]
    rails = {index: rail for index, rail in enumerate(found) if rail is not None}
    reading.names(rails)
    reading.shares(rails)
    if entries and len(rails) == len(entries):
        reading.rest(rails)
    told = sorted({*reading.faults, *source.faults})
    if told:
        raise RailsInvalid(tuple(str(fault) for fault in told))
    return RailsConfig(tuple(rails.values()))


def without_tls(url: str) -> bool:
    """Whether a service is spoken to without TLS, which only this machine itself is. ValueError for no such address."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError(
            "must be https://host[:port][/path], with nothing before the host or behind the path"
        )
    plain = parts["scheme"] == "http"
    if plain and parts["host"] not in _THIS_MACHINE:
        raise ValueError("must be https://: only this machine itself is spoken to without TLS")
    return plain


Already = Callable[[Sequence[str]], Awaitable[set[str]]]
"""Which of these names of reports are recorded already."""


class ExtraMissing(Exception):
    """The rail needs an extra of Houfu that is not installed; the message names it."""


def open_rail(terms: RailTerms, *, already: Already) -> Rail:
    """The rail of these terms; nothing is reached yet. ExtraMissing; ValueError for the simulated bank's.

    `already` is asked by rails whose bank goes on offering what was taken. What an adapter needs is imported only
    where it is used.
    """
    match terms.adapter:
        case DirectoryTerms(outgoing=outgoing, incoming=incoming, archives=archives):
            from houfu.payouts.rails.directory import DirectoryRail

            return DirectoryRail(outgoing=FilePath(outgoing), incoming=FilePath(incoming), archives=archives)
        case SftpTerms() as sftp:
            try:
                from houfu.payouts.rails.sftp import SftpRail
            except ModuleNotFoundError as missing:
                raise ExtraMissing(
                    f"rail {terms.name} needs the extra sftp: pip install 'houfu[sftp]'"
                ) from missing
            return SftpRail(sftp)
        case HttpsTerms() as https:
            from houfu.payouts.rails.https import HttpsRail

            return HttpsRail(https, already=already)
        case SimulatedTerms():
            raise ValueError(
                f"rail {terms.name} is the simulated bank's, which is reached without leaving Houfu"
            )


class _File(msgspec.Struct, frozen=True):
    rails: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=RAILS_MAX)]


class _Account(msgspec.Struct, frozen=True):
    name: _Text
    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{1,34}\Z")]
    bank_code: _Code


class _Rail(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")]
    account: Any
    banks: tuple[_Code, ...] = ()
    approval: Approval | None = None
    file_payments_max: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = FILE_PAYMENTS
    directory: Any = None
    sftp: Any = None
    https: Any = None
    simulated: Any = None


_ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "directory": DirectoryTerms,
    "sftp": SftpTerms,
    "https": HttpsTerms,
    "simulated": SimulatedTerms,
}

_Terms = TypeVar("_Terms", bound=msgspec.Struct)
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[0-9A-Za-z._~/-]*)?"
)
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_INSIDE: Final = re.compile(r" - at `\$\[(\d+)\]`$")


class _Reading:
    """One pass over the text: what is wrong is noted, and reading goes on."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.faults: list[Fault] = []

    def rail(self, value: Plain, at: Path) -> RailTerms | None:
        """The rail that stands at `at`, or None where something about it is wrong."""
        before = len(self.faults)
        fields = self.fields(value, _Rail, at)
        given = value if isinstance(value, dict) else {}
        account = (
            self.struct(given.get("account"), _Account, (*at, "account")) if "account" in given else None
        )
        ways = [name for name in _ADAPTERS if name in given]
        adapter = None
        for name in ways:
            adapter = self.struct(given[name], _ADAPTERS[name], (*at, name))
            if isinstance(adapter, HttpsTerms):
                for field, message in _https_faults(adapter):
                    self._note((*at, name, field), message)
        if isinstance(value, dict) and len(ways) != 1:
            self._note(at, f"a rail has exactly one of {', '.join(_ADAPTERS)}")
        if account is None or adapter is None or len(self.faults) > before:
            return None
        rail = msgspec.convert(fields, _Rail)
        return RailTerms(
            name=rail.name,
            account=Party(account.name, account.number, account.bank_code),
            banks=rail.banks,
            approval=rail.approval or ("automatic" if isinstance(adapter, SimulatedTerms) else "two_people"),
            file_payments_max=rail.file_payments_max,
            adapter=adapter,
        )

    def names(self, rails: dict[int, RailTerms]) -> None:
        """Every rail has a name of its own."""
        seen: set[str] = set()
        for index, rail in rails.items():
            if rail.name in seen:
                self._note(("rails", index, "name"), f"another rail is called {rail.name}")
            seen.add(rail.name)

    def shares(self, rails: dict[int, RailTerms]) -> None:
        """No bank code begins with codes of two rails, and no code says what another says."""
        codes = [(code, index, n) for index, rail in rails.items() for n, code in enumerate(rail.banks)]
        for order, (code, index, n) in enumerate(codes):
            for other, other_index, _ in codes[:order]:
                if code.startswith(other) or other.startswith(code):
                    self._note(
                        ("rails", index, "banks", n),
                        f"{code} overlaps {other} of rail {rails[other_index].name}",
                    )
                    break

    def rest(self, rails: dict[int, RailTerms]) -> None:
        """Exactly one rail takes the banks that no other names."""
        takers = [index for index, rail in rails.items() if not rail.banks]
        if not takers:
            self._note(("rails",), "one rail must name no banks: it pays all that no other rail names")
        for index in takers[1:]:
            self._note(
                ("rails", index), f"rail {rails[takers[0]].name} takes all other banks already: name banks"
            )

    def struct(self, value: Plain, kind: type[_Terms], at: Path) -> _Terms | None:
        """The value as `kind`, or None where something about it is wrong."""
        before = len(self.faults)
        fields = self.fields(value, kind, at)
        return msgspec.convert(fields, kind) if len(self.faults) == before else None

    def fields(self, value: Plain, kind: type[msgspec.Struct], at: Path) -> dict[str, Plain]:
        """The fields of the mapping that fit `kind`; all others are faults."""
        if not isinstance(value, dict):
            self._note(at, "must be a mapping")
            return {}
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        for name in value:
            if name not in known:
                self._note((*at, name), f"unknown; known are {', '.join(known)}", at_key=True)
        fit: dict[str, Plain] = {}
        for name, field in known.items():
            if name in value and self._fits(value[name], field.type, (*at, name)):
                fit[name] = value[name]
            elif name not in value and field.required:
                self._note(at, f"{name} is missing")
        return fit

    def _fits(self, value: Plain, kind: Any, at: Path) -> bool:
        passed = 0
        rest = value
        while True:
            try:
                msgspec.convert(rest, kind)
            except msgspec.ValidationError as error:
                words = "must be an absolute path" if repr(_ABSOLUTE) in str(error) else str(error)
                inside = _INSIDE.search(words)
                if inside is None or not isinstance(rest, list):
                    self._note(at, words)
                    return False
                # One of a list does not fit; those behind it are looked at too.
                n = int(inside.group(1))
                self._note((*at, passed + n), words[: inside.start()])
                passed, rest = passed + n + 1, rest[n + 1 :]
                if not rest:
                    return False
            else:
                return passed == 0

    def _note(self, at: Path, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self._source.fault(at, message, at_key=at_key))


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []


def _https_faults(terms: HttpsTerms) -> Iterator[tuple[str, str]]:
    """What is wrong with each field of a service's terms."""
    try:
        plain = without_tls(terms.url)
    except ValueError as error:
        yield "url", str(error)
        return
    for field in ("certificate", "key", "ca"):
        given = getattr(terms, field) is not None
        if given == plain:
            yield field, "is of no use without TLS" if plain else "is missing: both sides prove who they are"
