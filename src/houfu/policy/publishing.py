"""Publishing policies: the versions that exist, and since when each is in force."""

from datetime import datetime

import asyncpg

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.book import PolicyBook, Published
from houfu.policy.document import Policy, load_policy

_SQL = load(__package__)


async def open_policy_book(connection: Connection) -> PolicyBook:
    """The published policies as they are now."""
    rows = await connection.fetch(_SQL["published"])
    return PolicyBook([Published(load_policy(row["document"]), row["effective_from"]) for row in rows])


async def refreshed(connection: Connection, book: PolicyBook) -> PolicyBook:
    """The book with what was published since it was opened; the very same book where nothing was."""
    rows = await connection.fetch(_SQL["versions"])
    published = frozenset(row["version"] for row in rows)
    return book if book.versions == published else await open_policy_book(connection)


async def publish(
    connection: Connection, document: str, *, effective_from: datetime, author: str, now: datetime
) -> Policy:
    """Add a policy version. Publishing the same content again does nothing; other content under a version that is
    taken is a ValueError. PolicyInvalid with every fault of a document that is none."""
    policy = load_policy(document)
    terms = policy.terms
    for row in await connection.fetch(_SQL["published"]):
        if row["version"] == terms.version:
            if row["sha"] != policy.sha256:
                raise ValueError(
                    f"version {terms.version} is published with other content: give yours a new number"
                )
            return policy
    try:
        await connection.execute(
            _SQL["publish"], terms.version, terms.name, policy.sha256, document, effective_from, now, author
        )
    except asyncpg.UniqueViolationError:
        return await publish(connection, document, effective_from=effective_from, author=author, now=now)
    return policy
