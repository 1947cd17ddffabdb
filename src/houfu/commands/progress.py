"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from houfu.commands.console import say

PLAIN_EVERY_SECONDS = 10

Advance = Callable[[int, int, str], None]
"""Told how much is done, of how much, and a word about it."""


@contextmanager
def progress(title: str) -> Generator[Advance]:
    """A bar for as long as the context lasts."""
    if not sys.stderr.isatty():
        yield _plain(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[word]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, word="")

        def advance(done: int, of: int, word: str) -> None:
            bar.update(task, completed=done, total=of, word=word)

        yield advance


def _plain(title: str) -> Advance:
    said_at: int | None = None

    def advance(done: int, of: int, word: str) -> None:
        nonlocal said_at
        now = time.monotonic_ns() // 1_000_000_000
        if said_at is None or now - said_at >= PLAIN_EVERY_SECONDS or done == of:
            said_at = now
            say(f"{title}: {done} of {of} {word}".rstrip())

    return advance
