"""Rows as pages (PDF, A4 across): headings on each, page numbers, totals at the end, and the Chinese font inside.

A text wider than its column is broken into lines, never cut. A character that the font lacks shows as a box.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from typing import Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from houfu.core.reason import Language
from houfu.statements.columns import Table

FONT: Final = "HoufuSansSC"
SIZE: Final = 7
LEADING: Final = 9
MARGIN: Final = 28
GAP: Final = 3
"""Between a column's edge and its text, points."""
_TITLE_SIZE: Final = 12
_HEAD: Final = 34
"""From the page's upper margin to its table."""
_FOOT: Final = 16

Cell = tuple[str, ...]
"""A text in the lines that it takes."""


def write_paper(
    path: str, table: Table, rows: Iterable[Sequence[str]], *, language: Language, about: str
) -> int:
    """Write pages of the rows; how many rows there were. All of them are held in memory. `about` stands beside the title."""
    with as_file(files("houfu.statements").joinpath("fonts", "HoufuSansSC-Regular.ttf")) as font:
        pdfmetrics.registerFont(TTFont(FONT, str(font)))
    size = landscape(A4)
    page = Layout(table, language, size[0] - 2 * MARGIN)
    shown = list(rows)
    laid = [page.cells(fields) for fields in shown]
    closing = [(line,) for line in totals(table, shown, language)]
    room = size[1] - 2 * MARGIN - _HEAD - _FOOT - _height(page.headings)
    pages = list(paged(laid, room))
    last = sum(map(_height, pages[-1])) + (len(closing) + 1) * LEADING if closing else 0
    if last > room:
        pages.append([])
    title = f"{table.title(language)}  {about}".rstrip()
    canvas = Canvas(path, size, initialFontName=FONT, invariant=1, pageCompression=1)
    canvas.setTitle(title)
    canvas.setAuthor("Houfu")
    for number, on_page in enumerate(pages, 1):
        y = size[1] - MARGIN
        canvas.setFont(FONT, _TITLE_SIZE)
        canvas.drawString(MARGIN, y - _TITLE_SIZE, title)
        canvas.setFont(FONT, SIZE)
        canvas.drawRightString(size[0] - MARGIN, MARGIN, page_number(number, len(pages), language))
        y = page.draw_headings(canvas, y - _HEAD)
        for cells in on_page:
            y = page.draw(canvas, y, cells)
        if number == len(pages):
            for line in closing:
                y -= LEADING
                canvas.drawString(MARGIN + GAP, y - SIZE, line[0])
        canvas.showPage()
    canvas.save()
    return len(shown)


def page_number(number: int, of: int, language: Language) -> str:
    """What stands at the foot of a page."""
    return f"Page {number} of {of}" if language == "en" else f"第 {number} 页，共 {of} 页"


def paged(laid: Iterable[Sequence[Cell]], room: int | float) -> Iterable[list[Sequence[Cell]]]:
    """The rows of each page; at least one page."""
    on_page: list[Sequence[Cell]] = []
    used = 0
    for cells in laid:
        height = _height(cells)
        if on_page and used + height > room:
            yield on_page
            on_page, used = [], 0
        on_page.append(cells)
        used += height
    yield on_page


def totals(table: Table, rows: Sequence[Sequence[str]], language: Language) -> list[str]:
    """The sums of the table's summed columns, for each value of the column that they are summed by, in each currency."""
    at = {column.name: number for number, column in enumerate(table.columns)}
    sums: dict[tuple[str, str], dict[str, Decimal]] = {}
    for fields in rows if table.summed else ():
        own = sums.setdefault((fields[at[table.summed_by]], fields[at["currency"]]), {})
        for name in table.summed:
            own[name] = own.get(name, Decimal(0)) + Decimal(fields[at[name]] or 0)
    word, count = ("Total", "rows") if language == "en" else ("合计", "行")
    lines = [f"{word}: {len(rows):,} {count}"] if table.summed else []
    for (group, currency), own in sums.items():
        amounts = "    ".join(
            f"{table.columns[at[name]].heading(language)} {amount:,.2f}" for name, amount in own.items()
        )
        lines.append(f"{word}  {group}  {currency}    {amounts}")
    return lines


class Layout:
    """Where the columns of a table stand across a page, and what their texts look like there."""

    def __init__(self, table: Table, language: Language, width: float) -> None:  # points
        shares = sum(column.share for column in table.columns)
        self._columns = table.columns
        self._widths = [width * column.share / shares for column in table.columns]
        self._width = width
        self.headings = [
            lines_of(column.heading(language), wide - 2 * GAP)
            for column, wide in zip(table.columns, self._widths, strict=True)
        ]

    def cells(self, fields: Sequence[str]) -> list[Cell]:
        """A row's texts, broken into lines; money with its thousands apart."""
        return [
            lines_of(f"{Decimal(text):,.2f}" if column.kind == "money" and text else text, wide - 2 * GAP)
            for column, text, wide in zip(self._columns, fields, self._widths, strict=True)
        ]

    def draw_headings(self, canvas: Canvas, y: float) -> float:
        """Draw the headings below `y`; where the table goes on."""
        canvas.setFillGray(0.92)
        canvas.rect(MARGIN, y - _height(self.headings), self._width, _height(self.headings), stroke=0, fill=1)
        canvas.setFillGray(0)
        return self.draw(canvas, y, self.headings)

    def draw(self, canvas: Canvas, y: float, cells: Sequence[Cell]) -> float:
        """Draw a row below `y`; where the next one stands."""
        x: float = MARGIN
        for column, wide, lines in zip(self._columns, self._widths, cells, strict=True):
            for number, line in enumerate(lines):
                base = y - SIZE - number * LEADING
                if column.kind in {"money", "count"}:
                    canvas.drawRightString(x + wide - GAP, base, line)
                else:
                    canvas.drawString(x + GAP, base, line)
            x += wide
        below = y - _height(cells)
        canvas.setStrokeGray(0.8)
        canvas.setLineWidth(0.3)
        canvas.line(MARGIN, below + 1, MARGIN + self._width, below + 1)
        return below


def lines_of(text: str, room: float) -> Cell:
    """The text in as many lines as it takes, broken wherever the room ends."""
    lines: list[str] = []
    line, used = "", 0.0
    for character in text:
        wide = _width(character)
        if line and used + wide > room:
            lines.append(line)
            line, used = "", 0.0
        line += character
        used += wide
    lines.append(line)
    return tuple(lines)


@cache
def _width(character: str) -> float:
    return pdfmetrics.stringWidth(character, FONT, SIZE)


def _height(cells: Sequence[Cell]) -> int:
    return max(map(len, cells)) * LEADING + 2
