"""A journal balances and is hashed onto its store's chain, or it is none."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.ledger.journal import GENESIS, Books, Journal, Posting, Unbalanced, post, reversal
from ledger.books import NOW, SUBJECT, hours

EMPTY = Books("s1", "CNY", 0, GENESIS)


def posted(postings: list[Posting], *, books: Books = EMPTY) -> tuple[Books, Journal]:
    return post(books, "test", postings, subject=SUBJECT, occurred_at=NOW, recorded_at=hours(1))


@pytest.mark.parametrize(
    "postings",
    [
        [],
        [("bank", 0)],
        [("bank", 5)],
        [("bank", 5), ("loss", -4)],
        [("bank", 5), ("loss", -5), ("fee_income", 0)],
        [("bank", 5), ("bank", -5)],
        [("bank", 2), ("loss", 3), ("bank", -5)],
        [(f"account_{number}", number - 4) for number in range(9) if number != 4] + [("a", 1), ("b", -1)],
    ],
)
def test_what_does_not_balance_is_no_journal(postings: list[Posting]) -> None:
    with pytest.raises(Unbalanced, match="test: "):
        posted(postings)


def test_a_journal_names_its_place_and_moves_the_head() -> None:
    books, journal = posted([("bank", 5), ("loss", -5)])
    assert (journal.seq, journal.currency, journal.store_id) == (1, "CNY", "s1")
    assert (books.seq, books.head) == (1, journal.hash)
    text = f"s1|1|test|CNY|{SUBJECT}||1772413323456789|1772416923456789|bank:5,loss:-5"
    assert journal.hash == hashlib.sha256(GENESIS + text.encode()).digest()


AMOUNTS = st.lists(st.integers(1, 2**53), min_size=1, max_size=7)


@given(AMOUNTS)
def test_a_reversal_takes_back_exactly_what_was_posted(amounts: list[int]) -> None:
    postings: list[Posting] = [(f"account_{number}", amount) for number, amount in enumerate(amounts)]
    postings.append(("bank", -sum(amounts)))
    books, journal = posted(postings)
    _, back = posted(list(reversal(journal.postings)), books=books)
    assert [
        (account, amount + taken)
        for (account, amount), (_, taken) in zip(journal.postings, back.postings, strict=True)
    ] == [(account, 0) for account, _ in postings]


@pytest.mark.parametrize(
    "changes",
    [
        {"store_id": "s2"},
        {"seq": 1},
        {"currency": "USD"},
        {"head": bytes(31) + b"\x01"},
    ],
)
def test_the_hash_covers_where_a_journal_stands(changes: dict[str, object]) -> None:
    other = msgspec.structs.replace(EMPTY, **changes)
    postings: list[Posting] = [("bank", 5), ("loss", -5)]
    assert posted(postings)[1].hash != posted(postings, books=other)[1].hash


def test_the_hash_covers_what_a_journal_says() -> None:
    def hashed(**changes: object) -> bytes:
        said: dict[str, object] = {
            "kind": "test",
            "postings": (("bank", 5), ("loss", -5)),
            "subject": SUBJECT,
            "occurred_at": NOW,
            "recorded_at": NOW,
            "reverses": None,
            **changes,
        }
        kind, postings = said.pop("kind"), said.pop("postings")
        return post(EMPTY, kind, postings, **said)[1].hash

    hashes = [
        hashed(),
        hashed(kind="other"),
        hashed(postings=(("bank", 6), ("loss", -6))),
        hashed(postings=(("loss", -5), ("bank", 5))),
        hashed(postings=(("bank", 5), ("fee_income", -5))),
        hashed(subject=None),
        hashed(occurred_at=hours(1)),
        hashed(recorded_at=hours(1)),
        hashed(reverses=1),
    ]
    assert len(set(hashes)) == len(hashes)
