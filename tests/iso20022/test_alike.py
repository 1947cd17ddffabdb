"""Entries like ones before are taken by their texts alone: what comes out is what the parser would have made of them."""

from collections.abc import Callable, Iterator

import pytest

from houfu.iso20022 import camt053, xml
from houfu.iso20022.element import Element
from houfu.iso20022.message import Entry, MessageRefused, Notification, Statement
from houfu.iso20022.read import read

from .nouns import DAY, NOW
from .test_entries import entry, notification, payment

COUNT = 50
ENTRIES = tuple(
    Entry(
        f"R{n}",
        n,
        n % 7 == 0,
        DAY,
        f"wd_{n}",
        f"甲{n} 公司",
        f"6222{n}",
        "AC04" if n % 14 == 0 else None,
        f"w {n}",
    )
    for n in range(1, COUNT + 1)
)
STATEMENT = Statement(
    "m", "s", NOW, "1", "CNY", DAY, 0, sum(e.amount if e.credit else -e.amount for e in ENTRIES), ENTRIES
)
CONTENT = camt053.write(STATEMENT).decode()


def numbered(entries: int, rest: Callable[[int], str] = lambda n: "") -> list[str]:
    return [
        entry("1.00", payment("1.00", f"e{n}", reference=f"R{n}", rest=rest(n))) + "\n"
        for n in range(1, entries + 1)
    ]


def ids(entries: str) -> list[str | None]:
    return [e.end_to_end_id for e in notification(entries).entries]


def test_entries_alike_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Counted(xml.Parts):
        def __iter__(self) -> Iterator[Element]:
            for element in super().__iter__():
                given.append(element.tag)
                yield element

    monkeypatch.setattr("houfu.iso20022.entries.Parts", Counted)
    assert read(CONTENT.encode()) == STATEMENT
    assert len(given) < COUNT


CHANGES: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("<Sts>", "<!-- x --><Sts>"),
    lambda text: text.replace("><", ">\n  <"),
    lambda text: text.replace("甲", "<![CDATA[甲]]>"),
    lambda text: text.replace("甲", "&#x7532;"),
    lambda text: text.replace("</Ntry>", "</Ntry >"),
    lambda text: text.replace("<Ntry>", '<Ntry><x a=">"/>'),
    lambda text: text.replace("<Nm>", "<Nm> ").replace("</Nm>", "\n</Nm>"),
    lambda text: (
        text.replace("</", "</p:")
        .replace("<", "<p:")
        .replace("<p:/p:", "</p:")
        .replace("<p:?", "<?")
        .replace("xmlns=", "xmlns:p=")
    ),
    lambda text: text.replace("\n<Ntry>", "<Other/><Ntry>"),
)


@pytest.mark.parametrize("change", CHANGES)
def test_however_entries_are_written_the_same_is_read(change: Callable[[str], str]) -> None:
    assert read(change(CONTENT).encode()) == STATEMENT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A&amp;B", "A&B"),
        ("A > B", "A > B"),
        (" A ", "A"),
        ("A\nB", "A\nB"),
        ("<![CDATA[<Nm>]]>", "<Nm>"),
        ("全角　空格", "全角　空格"),
        ("", None),
        ("  ", None),
        ("A<!-- < -->", "A"),
    ],
)
def test_a_text_among_plain_ones_is_read_as_the_parser_reads_it(text: str, said: str | None) -> None:
    entries = numbered(9, lambda n: f"<RltdPties><Cdtr><Nm>{text if n == 5 else 'N'}</Nm></Cdtr></RltdPties>")
    told = notification("".join(entries)).entries
    assert [e.counterparty_name for e in told] == ["N"] * 4 + [said] + ["N"] * 4


@pytest.mark.parametrize("text", ["A & B", "A\x01", "A\x00", "</Nm><Nm", "￾"])
def test_a_text_that_is_no_xml_is_refused_with_its_line(text: str) -> None:
    entries = numbered(9, lambda n: f"<RltdPties><Cdtr><Nm>{text if n == 5 else 'N'}</Nm></Cdtr></RltdPties>")
    with pytest.raises(MessageRefused, match="line 5: the file is not well-formed"):
        notification("".join(entries))


def test_an_entry_that_cannot_be_is_refused_with_its_line() -> None:
    entries = numbered(9)
    entries[6] = entries[6].replace("BOOK", "WHAT")
    with pytest.raises(MessageRefused, match="line 7: 'WHAT' is not a known status"):
        notification("".join(entries))
    entries[6] = "<Odd/>" + entries[6]
    with pytest.raises(MessageRefused, match="line 7: 'WHAT' is not a known status"):
        notification("".join(entries))


def test_an_entry_outside_of_its_account_is_refused_whatever_came_before() -> None:
    entries = numbered(9)
    with pytest.raises(MessageRefused, match="outside of its account"):
        notification("".join([*entries[:5], f"<Other>{entries[5]}</Other>"]))
    with pytest.raises(MessageRefused, match="outside of its account"):
        notification("".join([*entries[:5], f"<Other>{entries[5]}{entries[6]}</Other>"]))


def test_the_same_tags_in_another_namespace_are_other_tags() -> None:
    entries = numbered(9)
    assert ids("".join([*entries[:5], f'<Other xmlns="urn:x">{entries[5]}</Other>', *entries[6:]])) == [
        f"e{n}" for n in (1, 2, 3, 4, 5, 7, 8, 9)
    ]


def test_payments_of_an_entry_alike_are_its_own() -> None:
    entries = [
        entry(
            "3.00", payment("1.00", f"a{n}", reference=f"A{n}") + payment("2.00", f"b{n}", reference=f"B{n}")
        )
        for n in range(9)
    ]
    assert ids("".join(entries)) == [f"{kind}{n}" for n in range(9) for kind in "ab"]
    with pytest.raises(MessageRefused, match="A8: its payments sum to 3"):
        notification("".join([*entries[:8], entries[8].replace("3.00", "4.00")]))


def test_words_in_several_elements_are_one_text() -> None:
    entries = numbered(
        9, lambda n: f"<RmtInf><Ustrd>a{n}</Ustrd><Ustrd>b</Ustrd><Ustrd>c{n}</Ustrd></RmtInf>"
    )
    assert [e.words for e in notification("".join(entries)).entries] == [f"a{n} b c{n}" for n in range(1, 10)]


def test_a_file_of_entries_that_are_never_alike_is_read() -> None:
    entries = numbered(6_000, lambda n: "<!-- -->")
    told = notification("".join(entries))
    assert isinstance(told, Notification)
    assert len(told.entries) == 6_000
