"""The page of states is what the code does."""

import subprocess
import sys
from pathlib import Path

from houfu.lines.order import COMMANDS as VERBS
from houfu.lines.states import COMMANDS, STATES, cells, page

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_docs_is_what_the_code_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "houfu.lines.states"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    ).stdout
    assert printed == page()
    shown = (ROOT / "docs" / "reference" / "states.md").read_text(encoding="utf-8")
    assert shown == printed, "run: python -m houfu.lines.states > docs/reference/states.md"


def test_every_verb_has_a_column_and_every_state_a_row() -> None:
    assert set(COMMANDS) == {"authorize", *VERBS}
    followers = {answer for answers in cells().values() for answer in answers if not answer.startswith("!")}
    assert followers == set(STATES) - {"refused"}


def test_states_are_those_the_database_allows() -> None:
    schema = (ROOT / "src" / "houfu" / "lines" / "schema.sql").read_text(encoding="utf-8")
    allowed = schema.partition("check (status in (\n")[2].partition("\n    ))")[0]
    assert {word.strip(" '") for word in allowed.split(",")} == set(STATES)


def test_what_ends_an_order_stays_ended() -> None:
    found = cells()
    for state in ("voided", "expired", "refused"):
        for command in ("capture", "void", "repay", "return", "expire", "default"):
            assert all(answer.startswith("!") for answer in found[state, command])
