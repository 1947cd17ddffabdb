"""What `houfu` says when it cannot get a PostgreSQL to work with."""

from __future__ import annotations


class ServerError(Exception):
    """No usable PostgreSQL: `sentence` says what is wrong, `remedy` what to do about it.

    Both are plain English sentences for a person at a terminal; `details`, where there are any, are the
    last lines PostgreSQL itself wrote.
    """

    def __init__(self, sentence: str, *, remedy: str, details: str = "") -> None:
        self.sentence = sentence
        self.remedy = remedy
        self.details = details
        said = f"{sentence} {remedy}"
        super().__init__(f"{said}\n{details}" if details else said)
