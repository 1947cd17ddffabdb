"""Rows as a workbook (XLSX): numbers are numbers and days are days, and as many sheets as the rows need.

A spreadsheet keeps numbers as binary floating point and shows 15 digits. Up to 15 significant digits a decimal comes back as
it was written, so those are numbers; an amount with more (from 10,000,000,000,000.00 on) is text, exact but not added up.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from xlsxwriter import Workbook

from houfu.core.reason import Language
from houfu.statements.columns import Column, ColumnKind, Table

ROWS_MAX: Final = 1_048_576
"""Rows of a sheet, its head among them: the format's own limit."""
DIGITS_MAX: Final = 15
"""Significant digits that a spreadsheet keeps."""
_CHARACTERS_PER_SHARE: Final = 2

Put = Callable[[int, int, str], object]


def write_workbook(
    path: str, table: Table, rows: Iterable[Sequence[str]], *, language: Language, rows_max: int = ROWS_MAX
) -> int:
    """Write a workbook of the rows; how many there were. Memory does not grow with them."""
    book: Any = Workbook(path, {"constant_memory": True, "tmpdir": str(Path(path).parent)})
    formats: dict[ColumnKind, Any] = {
        "money": book.add_format({"num_format": "#,##0.00"}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        "count": book.add_format({"num_format": "0"}),
        "text": book.add_format({"num_format": "@"}),
    }
    head = book.add_format({"bold": True, "bottom": 1})
    count, row, sheets = 0, 0, 0
    putters: list[Put] = []
    for fields in rows:
        if not putters or row == rows_max:
            sheets += 1
            sheet = _sheet(book, table, language, head, number=sheets)
            putters = [_putter(sheet, column, formats) for column in table.columns]
            row = 1
        for at, (put, text) in enumerate(zip(putters, fields, strict=True)):
            if text:
                put(row, at, text)
        row += 1
        count += 1
    if not putters:
        _sheet(book, table, language, head, number=1)
    book.close()
    return count


def _sheet(book: Any, table: Table, language: Language, head: object, *, number: int) -> Any:
    title = table.title(language)
    sheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
    for at, column in enumerate(table.columns):
        sheet.set_column(at, at, column.share * _CHARACTERS_PER_SHARE)
        sheet.write_string(0, at, column.heading(language), head)
    sheet.freeze_panes(1, 0)
    return sheet


def _putter(sheet: Any, column: Column, formats: dict[ColumnKind, Any]) -> Put:
    """How a column's texts get into the sheet."""
    form = formats[column.kind]

    def number(row: int, at: int, text: str) -> None:
        if sum(character.isdigit() for character in text.lstrip("-0.")) > DIGITS_MAX:
            sheet.write_string(row, at, text, formats["text"])
        else:
            sheet.write_number(row, at, Decimal(text), form)

    def moment(row: int, at: int, text: str) -> None:
        sheet.write_datetime(row, at, datetime.fromisoformat(text), form)

    def words(row: int, at: int, text: str) -> None:
        sheet.write_string(row, at, text, form)

    puts: dict[ColumnKind, Put] = {
        "text": words,
        "count": number,
        "money": number,
        "moment": moment,
        "day": moment,
    }
    return puts[column.kind]
