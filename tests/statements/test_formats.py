"""The same rows in CSV, XLSX and PDF, each exact; Chinese is Chinese in all of them (C5)."""

from __future__ import annotations

import io
import re
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from front import Front
from houfu.statements.columns import ENTRIES, Column
from houfu.statements.paper import FONT, totals, write_paper
from houfu.statements.workbook import write_workbook
from statements.trade import lines_of, trade

EXPORT = "/v1/stores/s1/entries/export"


def sheet_rows(content: bytes | Path) -> list[list[str]]:
    """A workbook's rows below the heads, as the texts that a CSV file has."""
    book = openpyxl.load_workbook(content if isinstance(content, Path) else io.BytesIO(content))
    kinds = {column.zh: column for column in ENTRIES.columns}
    rows: list[list[str]] = []
    for sheet in book.worksheets:
        head, *below = sheet.iter_rows(values_only=True)
        rows += [
            [text_of(kinds.get(str(name)), value) for name, value in zip(head, row, strict=True)]
            for row in below
        ]
    return rows


def text_of(column: Column | None, value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case int() | float() if column is not None and column.kind == "money":
            return f"{Decimal(repr(value)):.2f}"
        case _:
            return str(value)


def words(text: str) -> str:
    """A text without what pages add to it: line breaks within cells and thousands' commas."""
    return "".join(text.split()).replace(",", "")


@pytest.mark.parametrize(
    "asked",
    ["", "account=store_balance", "kind=return", "amount_min=12000", "order_id=%2B86-10", "kind=default"],
)
async def test_each_format_has_the_rows_of_the_others(front: Front, asked: str) -> None:
    await trade(front)
    made = {
        format: await front.call("GET", f"{EXPORT}?format={format}&{asked}")
        for format in ("csv", "xlsx", "pdf")
    }
    for format, file in made.items():
        assert file.status_code == 200
        assert file.headers["content-disposition"].endswith(f'.{format}"')
    assert made["xlsx"].headers["content-type"].endswith("spreadsheetml.sheet")
    assert made["pdf"].headers["content-type"] == "application/pdf"
    plain = [[cell.removeprefix("'") for cell in row] for row in lines_of(made["csv"].content)[1:]]
    assert sheet_rows(made["xlsx"].content) == plain
    pages = pypdf.PdfReader(io.BytesIO(made["pdf"].content)).pages
    text = words("".join(page.extract_text() for page in pages))
    for row in plain:
        assert words("".join(row)) in text
    for line in totals(ENTRIES, plain, "zh"):
        assert words(line) in text


def row(**own: str) -> list[str]:
    given = {"journal": "1", "line": "1", "amount": "1.00", "account": "店铺余额", "currency": "CNY", **own}
    return [given.get(column.name, "") for column in ENTRIES.columns]


AMOUNTS = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=40))
def test_every_amount_comes_back_from_a_workbook_to_the_fen(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("book") / "export.xlsx"
    texts = [f"{Decimal(amount).scaleb(-2):.2f}" for amount in amounts]
    write_workbook(str(path), ENTRIES, [row(amount=text) for text in texts], language="zh")
    assert [cells[6] for cells in sheet_rows(path)] == texts


def test_amounts_are_numbers_up_to_fifteen_digits_and_text_beyond(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    texts = ["0.01", "-0.10", "9999999999999.99", "10000000000000.00", "90071992547409.91"]
    write_workbook(
        str(path),
        ENTRIES,
        [row(amount=text, occurred="2026-03-02 09:00:01") for text in texts],
        language="zh",
    )
    sheet = openpyxl.load_workbook(path).worksheets[0]
    cells = [line[6] for line in sheet.iter_rows(min_row=2)]
    assert [type(cell.value) for cell in cells] == [float, float, float, str, str]
    assert {cell.number_format for cell in cells[:3]} == {"#,##0.00"}
    assert sheet["C2"].value.isoformat() == "2026-03-02T09:00:01"
    assert sheet["C2"].is_date
    assert sheet["I2"].value is None


def test_text_is_text_in_a_workbook_and_never_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    texts = ["=1+1", "+1", "-1", "@x", "0123456789012345678", "http://x", "{=1}"]
    write_workbook(str(path), ENTRIES, [row(order_id=text) for text in texts], language="zh")
    cells = [line[8] for line in openpyxl.load_workbook(path).worksheets[0].iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type) for cell in cells] == [(text, "s") for text in texts]
    assert not any(cell.hyperlink for cell in cells)


def test_rows_beyond_a_sheet_go_on_in_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    made = [row(journal=str(number)) for number in range(1, 8)]
    assert write_workbook(str(path), ENTRIES, made, language="zh", rows_max=4) == 7
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["账单明细", "账单明细 2", "账单明细 3"]
    assert [sheet.max_row for sheet in book.worksheets] == [4, 4, 2]
    assert {sheet["A1"].value for sheet in book.worksheets} == {"记账序号"}
    assert sheet_rows(path) == made


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_pages_have_their_number_their_headings_and_their_font_inside(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "export.pdf"
    made = [row(journal=str(number), order_id="订单—喆堃") for number in range(rows)]
    assert write_paper(str(path), ENTRIES, made, language="zh", about="s1") == rows
    reader = pypdf.PdfReader(path)
    assert (len(reader.pages) > 1) == (rows > 100)
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert f"第 {number} 页，共 {len(reader.pages)} 页" in text
        assert "订单号" in text
        fonts: Any = page["/Resources"]["/Font"]  # pyright: ignore
        for font in (fonts[name].get_object() for name in fonts):
            assert font["/BaseFont"].endswith(f"+{FONT}-Regular")
            assert "/FontFile2" in font["/FontDescriptor"]
    assert f"合计: {rows} 行" in reader.pages[-1].extract_text()


def test_a_text_wider_than_its_column_is_broken_and_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "export.pdf"
    long = "长" * 64
    write_paper(str(path), ENTRIES, [row(order_id=long)], language="en", about="")
    text = pypdf.PdfReader(path).pages[0].extract_text()
    assert long in words(text)
    assert "Page 1 of 1" in text


def test_a_character_that_the_font_lacks_is_drawn_as_a_box(tmp_path: Path) -> None:
    path = tmp_path / "export.pdf"
    write_paper(str(path), ENTRIES, [row(order_id="A𠮷B")], language="zh", about="")
    # It stands in its place, as the glyph of a font that lacks a character, and that has an outline.
    assert re.search("A.B", words(pypdf.PdfReader(path).pages[0].extract_text()))
    with as_file(files("houfu.statements").joinpath("fonts", "HoufuSansSC-Regular.ttf")) as font:
        assert TTFont(font)["glyf"][".notdef"].numberOfContours > 0


def test_days_are_days_in_a_workbook(tmp_path: Path) -> None:
    from houfu.statements.columns import WITHDRAWALS

    path = tmp_path / "export.xlsx"
    at = [column.name for column in WITHDRAWALS.columns].index("arrives_on")
    made = ["2026-03-03" if number == at else "" for number in range(len(WITHDRAWALS.columns))]
    write_workbook(str(path), WITHDRAWALS, [made], language="en")
    cell = openpyxl.load_workbook(path).worksheets[0].cell(2, at + 1)
    assert (cell.value.date(), cell.number_format) == (date(2026, 3, 3), "yyyy-mm-dd")
