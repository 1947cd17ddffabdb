"""Reports as single HTML files: nothing is fetched, nothing is sent, and without scripts the tables still say it all.

A page carries its style, its figures as JSON and, where it has charts, Apache ECharts. Its policy of contents allows the
scripts it was made with and no other, and no request at all.
"""

import base64
import functools
import hashlib
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from houfu.policy.figures import Said, figure

ECHARTS = "vendor/echarts-6.1.0/echarts.common.min.js"


def render(template: str, data: object, **values: object) -> str:
    """The page of `template`. `data` is what its charts draw."""
    scripts = [_asset(ECHARTS), _asset("templates/charts.js")]
    allowed = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_asset("templates/style.css")),  # noqa: S704 - files of the package
            scripts=[Markup(script) for script in scripts],  # noqa: S704
            data=Markup(_embedded(data)),  # noqa: S704 - no `<` is left in it
            policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}; base-uri 'none'; "
            "form-action 'none'",
            **values,
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("houfu.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "count": _count,
        "yuan": _yuan,
        "share": _share,
        "signed": _signed,
        "money": _money,
    }
    environment.filters.update(filters)
    return environment


def _embedded(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    return (
        msgspec.json.encode(data).decode().replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")
    )


@functools.cache
def _asset(name: str) -> str:
    return files("houfu.reports").joinpath(name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _yuan(fen: int | None) -> str:
    """Fen as yuan, for a column whose head names the unit."""
    return "-" if fen is None else figure(fen, "fen").en.removesuffix(" yuan")


def _share(bp: int | None) -> str:
    return "-" if bp is None else figure(bp, "bp").en


def _signed(text: str) -> str:
    """With a plus before what is more than nothing."""
    return text if text[:1] in "-0" else f"+{text}"


def _money(fen: int) -> Said:
    """A large amount in short, rounded down to two digits after the point: 1.23 hundred million is 1.23亿 and 123.00M."""
    return Said(_short(fen, _WAN), _short(fen, _THOUSAND))


_WAN = ((10_000_000_000, "亿"), (1_000_000, "万"))
_THOUSAND = ((100_000_000_000, "B"), (100_000_000, "M"), (100_000, "K"))


def _short(fen: int, units: tuple[tuple[int, str], ...]) -> str:
    sign, size = ("-" if fen < 0 else ""), abs(fen)
    for unit, name in units:
        if size >= unit:
            hundredths = size * 100 // unit
            return f"{sign}{hundredths // 100:,}.{hundredths % 100:02d}{name}"
    return f"{sign}{size // 100:,}"
