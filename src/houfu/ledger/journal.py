"""Journals: balanced postings, hashed onto the chain of their store.

A journal is written once and never changed; a wrong one is taken back by its reversal. Its hash covers its
content and the hash before it, so that a change anywhere in a store's past breaks every hash after it.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from houfu.core.ids import microseconds_of

Posting = tuple[str, int]
"""An account of the chart and a signed amount in minor units, debit positive."""

GENESIS = bytes(32)
"""The head of an empty chain."""

POSTINGS_MAX = 8


class Unbalanced(ValueError):
    """The postings do not make a journal: they do not sum to zero, repeat an account, or are too few or many."""


class Books(msgspec.Struct, frozen=True, gc=False):
    """Where a store's chain ends: how many journals it has, and the hash of the last."""

    store_id: str
    currency: str
    seq: int
    head: bytes


class Journal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One economic event of a store. `subject` is the hex id of the order or withdrawal it is about."""

    store_id: str
    seq: int
    kind: str
    currency: str
    postings: tuple[Posting, ...]
    subject: str | None
    reverses: int | None
    occurred_at: datetime
    recorded_at: datetime
    hash: bytes


def post(
    books: Books,
    kind: str,
    postings: Iterable[Posting],
    *,
    subject: str | None,
    occurred_at: datetime,
    recorded_at: datetime,
    reverses: int | None = None,
) -> tuple[Books, Journal]:
    """Add a journal to the end of a store's chain: the books after it, and the journal.

    Unbalanced unless the postings name 2 to 8 different accounts, all move something and sum to zero.
    """
    postings = tuple(postings)
    if not 2 <= len(postings) <= POSTINGS_MAX:
        raise Unbalanced(f"{kind}: {len(postings)} postings")
    if sum(amount for _, amount in postings) != 0 or any(amount == 0 for _, amount in postings):
        raise Unbalanced(f"{kind}: {postings}")
    if len({account for account, _ in postings}) != len(postings):
        raise Unbalanced(f"{kind}: an account is named twice in {postings}")
    seq = books.seq + 1
    text = content(
        store_id=books.store_id,
        seq=seq,
        kind=kind,
        currency=books.currency,
        postings=postings,
        subject=subject,
        reverses=reverses,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
    )
    journal = Journal(
        store_id=books.store_id,
        seq=seq,
        kind=kind,
        currency=books.currency,
        postings=postings,
        subject=subject,
        reverses=reverses,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        hash=hashlib.sha256(books.head + text.encode()).digest(),
    )
    return Books(books.store_id, books.currency, seq, journal.hash), journal


def reversal(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The postings that take others back."""
    return tuple((account, -amount) for account, amount in postings)


def content(
    *,
    store_id: str,
    seq: int,
    kind: str,
    currency: str,
    postings: Iterable[Posting],
    subject: str | None,
    reverses: int | None,
    occurred_at: datetime,
    recorded_at: datetime,
) -> str:
    """The text that a journal's hash covers. `chain_breaks` in queries.sql writes the same text in SQL.

    Fields are joined by `|`, which no field may hold; moments are microseconds since 1970.
    """
    posted = ",".join([f"{account}:{amount}" for account, amount in postings])
    return (
        f"{store_id}|{seq}|{kind}|{currency}|{subject or ''}|{'' if reverses is None else reverses}"
        f"|{microseconds_of(occurred_at)}|{microseconds_of(recorded_at)}|{posted}"
    )
