"""What two policies say differently, in words.

Rules are compared by their code, bands of a table by their edge, everything else by its place in the document.
A rule that only stands elsewhere in its list has moved. The version number is no difference: it names the policy.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import msgspec

from houfu.policy.amendments import Meaning, amendments
from houfu.policy.document import Policy
from houfu.policy.figures import BLOCKS, FIELDS, SECTIONS, WORDED, Said, figure

Kind = Literal["added", "removed", "changed", "moved", "reworded"]
Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]
Entry = dict[str, Plain]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: where, of what kind, what stood there and what stands there now (as in the document)."""

    path: str
    kind: Kind
    before: Any
    after: Any
    zh: str
    en: str


class PolicyName(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy is meant."""

    name: str
    version: int
    sha256: str


class PolicyDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two policies and every difference, in the document's order. None: they decide and say the same."""

    a: PolicyName
    b: PolicyName
    changes: tuple[Change, ...]


def name_of(policy: Policy) -> PolicyName:
    """The policy's name, version and content hash."""
    return PolicyName(name=policy.terms.name, version=policy.version, sha256=policy.sha256)


def diff(a: Policy, b: Policy) -> PolicyDiff:
    """What `b` says that `a` does not, and the other way round."""
    before, after = _plain(a), _plain(b)
    meanings = Meaning(a), Meaning(b)
    changes: list[Change] = []
    for section in dict.fromkeys((*before, *after)):
        if section == "version":
            continue
        old, new = before.get(section), after.get(section)
        if section in SECTIONS:
            changes += _entries(section, _listed(old), _listed(new), meanings)
        elif section in BLOCKS:
            changes += _block(section, old, new, meanings)
        elif old != new:
            changes.append(_field(section, section, None, old, new))
    return PolicyDiff(a=name_of(a), b=name_of(b), changes=tuple(changes))


def _plain(policy: Policy) -> Entry:
    return cast(Entry, msgspec.json.decode(msgspec.json.encode(policy.terms)))


def _listed(value: Plain) -> list[Entry]:
    return cast(list[Entry], value or [])


def _entries(
    section: str, old: list[Entry], new: list[Entry], meanings: tuple[Meaning, Meaning]
) -> Iterator[Change]:
    key, called = SECTIONS[section]
    before = {str(entry[key]): entry for entry in old}
    after = {str(entry[key]): entry for entry in new}
    for code, entry in before.items():
        if code not in after:
            label = _label(called, code, entry)
            yield _change(
                f"{section}.{code}", "removed", entry, None, Said(f"删除{label.zh}", f"{label.en} removed")
            )
    for code, entry in after.items():
        path = f"{section}.{code}"
        if code not in before:
            label = _label(called, code, entry)
            yield _change(path, "added", None, entry, Said(f"新增{label.zh}", f"{label.en} added"))
            continue
        for name in dict.fromkeys((*before[code], *entry)):
            was, now = before[code].get(name), entry.get(name)
            if was == now:
                continue
            if name == "bands":
                yield from _bands(path, code, was, now, meanings)
            elif name in ("amount", "when", "cap"):
                yield _expression(f"{path}.{name}", code, name, (section, code, name), was, now, meanings)
            else:
                unit = _unit(section, code, name, meanings[1])
                yield _field(f"{path}.{name}", name, code, was, now, unit=unit)
    yield from _moved(section, called, list(before), list(after))


def _moved(section: str, called: Said, before: list[str], after: list[str]) -> Iterator[Change]:
    """One change where the rules that stayed are in another order."""
    stayed_before = [code for code in before if code in after]
    stayed_after = [code for code in after if code in before]
    if stayed_before == stayed_after:
        return
    was, now = " > ".join(stayed_before), " > ".join(stayed_after)
    yield _change(
        section,
        "moved",
        cast(Plain, stayed_before),
        cast(Plain, stayed_after),
        Said(f"{called.zh}的次序:{was} 改为 {now}", f"order of {called.en} entries: {was} -> {now}"),
    )


def _block(section: str, old: Plain, new: Plain, meanings: tuple[Meaning, Meaning]) -> Iterator[Change]:
    called = BLOCKS[section]
    if old == new:
        return
    if old is None or new is None:
        kind: Kind = "added" if old is None else "removed"
        words = Said(
            f"{'新增' if old is None else '删除'}{called.zh}",
            f"{called.en} {kind}",
        )
        yield _change(section, kind, old, new, words)
        return
    before, after = dict(_leaves(section, old)), dict(_leaves(section, new))
    for path in dict.fromkeys((*before, *after)):
        was, now = before.get(path), after.get(path)
        if was == now:
            continue
        name = path.rsplit(".", 1)[-1]
        if section == "cap" and name in ("amount", "when"):
            yield _expression(path, called, name, (section, "", name), was, now, meanings)
        else:
            yield _field(path, path if path in FIELDS else name, called, was, now)


def _leaves(path: str, value: Plain) -> Iterator[tuple[str, Plain]]:
    """Every field below `path` that has words of its own."""
    if isinstance(value, dict) and (path in BLOCKS or path not in FIELDS):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}", part)
    else:
        yield path, value


def _bands(
    path: str, code: str, old: Plain, new: Plain, meanings: tuple[Meaning, Meaning]
) -> Iterator[Change]:
    before, after = _by_edge(old), _by_edge(new)
    units = meanings[1].units_of_table(code)
    gone = {edge: value for edge, value in before.items() if edge not in after}
    come = {edge: value for edge, value in after.items() if edge not in before}
    for edge, value in after.items():
        if edge in before and before[edge] != value:
            was, now = figure(before[edge], units.value), figure(value, units.value)
            words = _arrow(
                Said(f"{code} {_edge(edge, units.key).zh}", f"{code}, {_edge(edge, units.key).en}"), was, now
            )
            yield _change(f"{path}.bands[{_band(edge)}]", "changed", before[edge], value, words)
    for edge, value in list(gone.items()):
        # The same value from another edge on: the edge was moved.
        to = next((other for other, worth in come.items() if worth == value and other[0] == edge[0]), None)
        if to is None:
            continue
        del gone[edge], come[to]
        worth = figure(value, units.value)
        words = _arrow(
            Said(f"{code} 给{worth.zh}的界限", f"{code}, where it gives {worth.en}"),
            _edge(edge, units.key),
            _edge(to, units.key),
        )
        yield _change(f"{path}.bands[{_band(edge)}]", "changed", _band(edge), _band(to), words)
    for kind, bands in (("removed", gone), ("added", come)):
        for edge, value in bands.items():
            said, worth = _edge(edge, units.key), figure(value, units.value)
            words = Said(
                f"{code} {'删除' if kind == 'removed' else '新增'}一档:{said.zh}取{worth.zh}",
                f"{code}: band {kind}, {said.en} gives {worth.en}",
            )
            stood, stands = (value, None) if kind == "removed" else (None, value)
            yield _change(
                f"{path}.bands[{_band(edge)}]",
                "removed" if kind == "removed" else "added",
                stood,
                stands,
                words,
            )


_Edge = tuple[str, int]


def _by_edge(bands: Plain) -> dict[_Edge, int]:
    found: dict[_Edge, int] = {}
    for band in _listed(bands):
        side = "at_least" if band.get("at_least") is not None else "at_most"
        found[side, cast(int, band[side])] = cast(int, band["value"])
    return found


def _band(edge: _Edge) -> str:
    return f"{edge[0]} {edge[1]}"


def _edge(edge: _Edge, unit: str | None) -> Said:
    said = figure(edge[1], unit)
    if edge[0] == "at_least":
        return Said(f"达到{said.zh}", f"at least {said.en}")
    return Said(f"不超过{said.zh}", f"at most {said.en}")


def _expression(
    path: str,
    who: Said | str,
    field: str,
    place: tuple[str, str, str],
    was: Plain,
    now: Plain,
    meanings: tuple[Meaning, Meaning],
) -> Change:
    """A changed expression: the figures in it where only figures changed, else both texts."""
    name = Said(who, who) if isinstance(who, str) else who
    called, _ = FIELDS[field]
    if was is None or now is None:
        kind: Kind = "added" if was is None else "removed"
        text = now if was is None else was
        words = Said(
            f"{name.zh}:{'新增' if was is None else '取消'}{called.zh} {text}",
            f"{name.en}: {called.en} {kind}: {text}",
        )
        return _change(path, kind, was, now, words)
    told = amendments(meanings[0], meanings[1], place)
    if told:
        words = Said(
            f"{name.zh}:{';'.join(part.zh for part in told)}",
            f"{name.en}: {'; '.join(part.en for part in told)}",
        )
    else:
        texts = f"`{was}` -> `{now}`"
        words = Said(f"{name.zh}·{called.zh}:{texts}", f"{name.en}, {called.en}: {texts}")
    return _change(path, "changed", was, now, words)


def _field(
    path: str, field: str, who: Said | str | None, was: Plain, now: Plain, *, unit: str | None = None
) -> Change:
    called, own = FIELDS.get(field, (Said(field, field), None))
    if who is not None:
        name = Said(who, who) if isinstance(who, str) else who
        called = Said(f"{name.zh}·{called.zh}", f"{name.en}, {called.en}")
    kind: Kind = "reworded" if field in WORDED else "changed"
    last = field.rsplit(".", 1)[-1]
    words = _arrow(called, _said(last, was, unit or own), _said(last, now, unit or own))
    return _change(path, kind, was, now, words)


def _unit(section: str, code: str, field: str, meaning: Meaning) -> str | None:
    """The unit of a figure that its field does not tell."""
    if section == "inputs" and field in ("min", "max", "when_missing"):
        return meaning.inputs.get(code)
    return meaning.units_of_table(code).value if section == "tables" else None


def _arrow(called: Said, was: Said, now: Said) -> Said:
    return Said(f"{called.zh}:{was.zh} -> {now.zh}", f"{called.en}: {was.en} -> {now.en}")


def _said(field: str, value: Plain, unit: str | None) -> Said:
    """A value of the document in words."""
    match value:
        case None:
            return Said("无", "none")
        case bool():
            return figure(int(value), "flag")
        case int():
            return figure(value, unit)
        case str():
            return _PHRASES.get(value, Said(value, value))
        case list():
            parts = [_said(field, part, None) for part in value]
            return Said(";".join(part.zh for part in parts), "; ".join(part.en for part in parts))
        case dict():
            return _record(field, value)


def _record(field: str, value: Mapping[str, Plain]) -> Said:
    if field == "lasts":
        months = value.get("months")
        return figure(months, "months") if isinstance(months, int) else _said(field, value.get("until"), None)
    if field == "unwinds":
        steps, days = value["steps"], value["days"]
        return Said(f"分{steps}步,每{days}天一步", f"in {steps} steps, one every {days} days")
    if field == "closed":
        return Said(f"{value['from']}至{value['until']}", f"{value['from']} to {value['until']}")
    given = [f"{name} {part}" for name, part in value.items() if part is not None]
    return Said(" ".join(given), " ".join(given))


def _label(called: Said, code: str, entry: Entry) -> Said:
    zh, en = entry.get("zh"), entry.get("en")
    return Said(
        f"{called.zh} {code}" + (f"({zh})" if zh else ""), f"{called.en} {code}" + (f" ({en})" if en else "")
    )


def _change(path: str, kind: Kind, before: Plain, after: Plain, words: Said) -> Change:
    return Change(path=path, kind=kind, before=before, after=after, zh=words.zh, en=words.en)


_PHRASES = {
    "course_end": Said("至课程有效期结束", "until the course's effect ends"),
    "window_end": Said("至大促窗口结束", "until the promotion's window ends"),
    "grant_end": Said("至批准的期限", "until the grant runs out"),
    "month": Said("每月", "month"),
    "quarter": Said("每季度", "quarter"),
    "advanced_on_shipping": Said("发货时垫付", "in advance, on shipping"),
    "paid_when_buyer_pays": Said("买家付款时", "when the buyer pays"),
    "store": Said("店铺", "the store"),
    "platform": Said("平台", "the platform"),
    "funding_partner": Said("资金方", "the funding partner"),
    "at_once": Said("立即", "at once"),
    "anniversary": Said("满下一个月时", "when one more month is complete"),
    "violation_ages": Said("违规记录过期时", "when the newest violation no longer counts"),
    "month_ends": Said("月末", "when the months have ended"),
    "working_days": Said("若干工作日后", "after working days"),
}
