"""The readers of pages see what is there; otherwise nothing they prove would hold."""

from __future__ import annotations

import pytest

from docs.page import FenceOpen, blocks_of, code_spans_of, prose_of
from docs.session import arguments_of, normalised, steps_of


def test_blocks_are_found_with_language_and_line() -> None:
    (first, second) = blocks_of("a\n```sh\none\n```\nb\n````text\n```\n````\n")
    assert (first.language, first.text, first.line) == ("sh", "one", 2)
    assert (second.language, second.text, second.line) == ("text", "```", 6)


def test_a_fence_that_is_never_closed_is_named() -> None:
    with pytest.raises(FenceOpen, match="line 2"):
        blocks_of("a\n```sh\none\n")


def test_prose_has_no_blocks() -> None:
    assert prose_of("a\n```sh\n`x`\n```\n`b`") == "a\n`b`"
    assert code_spans_of("a\n```sh\n`x`\n```\n`b` and `c d`") == ["b", "c d"]


def test_a_command_is_shown_with_the_block_that_follows_it() -> None:
    steps = steps_of(blocks_of("```sh\na\n```\n```sh\nb\n```\n```json\n1\n```\n"))
    assert [(step.command.text, step.shown) for step in steps] == [("a", ""), ("b", "1")]


def test_only_what_varies_is_normalised() -> None:
    one = f'{{"id":"auth_{"a" * 32}.s1","amount":12,"milliseconds":3}}\r\n'
    other = f'{{"id":"auth_{"b" * 32}.s1","amount":12,"milliseconds":99}}'
    assert normalised(one) == normalised(other)
    assert normalised(one) != normalised(other.replace("12", "13"))
    assert normalised(one) != normalised(other.replace(".s1", ".s2"))


def test_the_arguments_of_a_service_are_read_from_its_command() -> None:
    assert arguments_of('make serve ARGS="--sandbox --data-dir ~/x"') == (
        "serve",
        ["--sandbox", "--data-dir", "~/x"],
    )
    with pytest.raises(ValueError, match="make serve"):
        arguments_of("houfu serve")
