"""Prints the reference pages that follow from the code.

python tools/reference.py reasons > docs/reference/reasons.md
The same for problems, commands, api and messages. Tests compare each page with what this prints.
"""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import typer
from msgspec import structs

from houfu.app import routes
from houfu.cli import app
from houfu.core.ids import public_id
from houfu.core.reason import WORDING, Reason, Request, message, remedy
from houfu.events.message import FIELDS, MEANING, Kind, Message
from houfu.events.notice import (
    arrival_changed,
    limit_referred,
    policy_announced,
    review_decided,
    review_opened,
    usage_reminder,
)
from houfu.http.caller import EVERYONE
from houfu.http.openapi import problem_codes
from houfu.http.problem import KINDS
from houfu.http.route import AnyRoute
from houfu.lines import cause
from houfu.lines.change import LineChange, announcement
from houfu.lines.line import Line, Status
from houfu.withdrawals.review import DOCUMENTS
from houfu.withdrawals.telling import ended_message
from houfu.withdrawals.withdrawal import Status as WithdrawalStatus
from houfu.withdrawals.withdrawal import Withdrawal


def reasons() -> str:
    """Every reason, in both languages, by what it can answer."""
    made = [_page("Reasons", "reasons", _REASONS)]
    for request, title in _REQUESTS.items():
        made.append(f"\n## {title}\n\n| reason | it says | what helps |\n|---|---|---|\n")
        for reason in Reason:
            if request in WORDING[reason].requests:
                said = f"{message(reason, 'zh')}<br>{message(reason, 'en')}"
                helps = f"{remedy(reason, 'zh')}<br>{remedy(reason, 'en')}"
                made.append(f"| `{reason}` | {said} | {helps} |\n")
    return "".join(made)


def problems() -> str:
    """Every code of a problem document."""
    made = [_page("Problems", "problems", _PROBLEMS)]
    made.append("\n| code | status | it says | come back |\n|---|---|---|---|\n")
    for code, kind in KINDS.items():
        after = "" if kind.retry_after is None else f"after {kind.retry_after} s"
        made.append(f"| `{code}` | {kind.status} | {kind.detail_zh}<br>{kind.detail_en} | {after} |\n")
    return "".join(made)


def commands() -> str:
    """Every command with its arguments and options."""
    made = [_page("Commands", "commands", _COMMANDS)]
    made.extend(_command(typer.main.get_command(app), ["houfu"]))
    return "".join(made)


def api() -> str:
    """Every route, by tag."""
    made = [_page("The interface", "api", _API)]
    by_tag: dict[str, list[AnyRoute]] = {}
    for route in routes():
        by_tag.setdefault(route.tag, []).append(route)
    for tag, of_tag in by_tag.items():
        made.append(
            f"\n## {tag.capitalize()}\n\n| call | what it does | roles | `Idempotency-Key` | problems |\n"
        )
        made.append("|---|---|---|---|---|\n")
        for route in of_tag:
            roles = "every role" if route.roles == EVERYONE else ", ".join(sorted(route.roles))
            roles = "no key needed" if route.public else roles
            own = sorted(code for code in problem_codes(route) if code not in _COMMON)
            told = ", ".join(f"`{code}`" for code in own)
            call = f"`{route.method} {route.address}`"
            made.append(f"| {call} | {route.summary} | {roles} | {_KEY_USE[route.key]} | {told} |\n")
    return "".join(made)


def messages() -> str:
    """Every kind of message with its words and its data, and every cause."""
    made = [_page("Messages", "messages", _MESSAGES)]
    examples = {one.kind: one for one in _examples()}
    for kind in Kind:
        meaning, example = MEANING[kind], examples[kind]
        made.append(
            f"\n## {kind.replace('_', ' ').capitalize()}\n\n`{kind}`: {meaning.en}.<br>{meaning.zh}。\n\n"
        )
        made.append(f"> {example.message_zh}\n>\n> {example.message_en}\n\n")
        made.append(f"`data`: {', '.join(f'`{field}`' for field in example.data)}.\n")
    made.append("\n## Data\n\n| field | what it says |\n|---|---|\n")
    made.extend(f"| `{field}` | {told} |\n" for field, told in FIELDS.items())
    made.append(f"\n## Causes\n\n{_CAUSES}\n| cause | in words |\n|---|---|\n")
    made.extend(f"| `{one}` | {wording.zh}<br>{wording.en} |\n" for one, wording in cause.WORDING.items())
    return "".join(made)


def _examples() -> list[Message]:
    """One message of each kind, made as the service makes it."""
    id, at = "019cac0f268070008001828acc6bcda6", datetime(2026, 3, 2, 1, tzinfo=UTC)

    def changed(was: tuple[Status, int], now: tuple[Status, int], why: str, used: int = 0) -> Message:
        before = Line(
            store_id="s1",
            status=was[0],
            currency="CNY",
            total=was[1],
            total_until=None,
            used=used,
            assessment_id=id,
            cap=None,
            zeroed=False,
            rounding=10_000,
        )
        after = structs.replace(before, status=now[0], total=now[1])
        return announcement(LineChange(id, before, after, why, "worker", at))

    asked = Withdrawal(
        store_id="s1",
        id=id,
        status=WithdrawalStatus.IN_TRANSIT,
        currency="CNY",
        amount=500_000,
        fee=3_000,
        net=497_000,
        bank_account_id="main",
        number="6222020200000000001",
        limit_total=5_000_000,
        author="s1",
        asked_at=at,
        asked_on=date(2026, 3, 2),
    )
    paid = structs.replace(
        asked, status=WithdrawalStatus.PAID, paid_at=at, bank_reference="13073D7C2265EEFCD4FA"
    )
    failed = structs.replace(
        asked, status=WithdrawalStatus.FAILED, failed_at=at, bank_reason="AC04", returned=500_000
    )
    return [
        changed(("closed", 0), ("open", 500_000), "assessment_requested"),
        changed(("open", 5_000_000), ("open", 6_000_000), "quarter"),
        changed(("open", 6_000_000), ("open", 5_000_000), "funds_frozen", used=5_500_000),
        changed(("open", 5_000_000), ("open", 0), "serious_violation", used=1_200_000),
        changed(("open", 500_000), ("suspended", 500_000), "资料核对"),
        changed(("suspended", 500_000), ("open", 500_000), "资料核对通过"),
        changed(("open", 500_000), ("closed", 500_000), "商家退出"),
        limit_referred(
            "s1",
            id=id,
            total=5_000_000,
            referred_by=["large_rise"],
            because_zh=["额度上调超过一倍"],
            because_en=["the limit would more than double"],
            occurred_at=at,
        ),
        policy_announced(
            "s1",
            id=id,
            policy_version=2,
            policy_zh="先用后付商家额度方案",
            policy_en="Pay-later limits for merchants",
            effective_on=date(2026, 4, 1),
            total_now=5_000_000,
            total_then=5_250_000,
            occurred_at=at,
        ),
        usage_reminder("s1", id=id, total=5_000_000, used=4_100_000, warning_bp=8_000, occurred_at=at),
        ended_message(paid, id=id),
        ended_message(failed, id=id),
        arrival_changed(
            "s1",
            id=id,
            withdrawal_id=public_id("wd", id, "s1"),
            asked_on=date(2026, 12, 31),
            amount=500_000,
            arrives_on=(date(2027, 1, 1), date(2027, 1, 4)),
            latest_on=(date(2027, 1, 1), date(2027, 1, 4)),
            calendar="cn",
            calendar_number=1,
            occurred_at=at,
        ),
        review_opened(
            "s1",
            id=id,
            review_id=public_id("rv", id, "s1"),
            withdrawal_id=public_id("wd", id, "s1"),
            rule="B11",
            documents=DOCUMENTS,
            due_on=date(2026, 3, 5),
            occurred_at=at,
        ),
        review_decided(
            "s1",
            id=id,
            review_id=public_id("rv", id, "s1"),
            rule="B11",
            outcome="cleared",
            occurred_at=at,
        ),
    ]


PAGES: Final[dict[str, Callable[[], str]]] = {
    "reasons": reasons,
    "problems": problems,
    "commands": commands,
    "api": api,
    "messages": messages,
}


def _page(title: str, name: str, text: str) -> str:
    return f"# {title}\n\nThis page is printed by `python tools/reference.py {name}`.\n\n{text.strip()}\n"


def _command(command: Any, path: list[str]) -> list[str]:
    # Typer brings its own copy of click: its commands are known by what they have.
    inner = getattr(command, "commands", None)
    if inner is not None:
        return [line for name, one in inner.items() for line in _command(one, [*path, name])]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "data_dir"]
    if len(arguments) + len(options) == len(command.params):
        raise ValueError(f"{' '.join(path)} does not take --data-dir, as the page says of every command")
    usage = " ".join([*path, *(_metavar(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    made = [f"\n## {' '.join(path)}\n\n`{usage}`\n\n{(command.help or '').strip()}\n"]
    rows = [f"| `{_metavar(one)}` | {one.help or ''} |\n" for one in arguments]
    for option in options:
        spelled = ", ".join(option.opts) + ("" if option.is_flag else f" {_metavar(option)}")
        rows.append(f"| `{spelled}` | {_told(option)} |\n")
    return [*made, *(["\n| option | |\n|---|---|\n"] if rows else []), *rows]


def _metavar(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper()


def _told(option: Any) -> str:
    told = option.help or ""
    if option.required:
        return f"{told} Required."
    if option.default is None or option.is_flag:
        return told
    return f"{told} Default: {option.default}."


_REQUESTS: Final = {
    Request.AUTHORIZATION: "Authorizations",
    Request.ORDER_COMMAND: "Capture, void, repayment, return",
    Request.WITHDRAWAL: "Withdrawals",
    Request.WITHDRAWAL_COMMAND: "What happens to a withdrawal later",
    Request.FEE_DISPUTE: "Fee disputes",
}
_KEY_USE: Final = {"required": "required", "optional": "optional", "none": ""}
_COMMON: Final = frozenset(
    {
        "busy",
        "body_interrupted",
        "body_too_large",
        "idempotency_key_in_use",
        "idempotency_key_invalid",
        "idempotency_key_missing",
        "idempotency_key_reused",
        "input_invalid",
        "internal",
        "json_invalid",
        "key_missing",
        "key_unknown",
        "media_type_unsupported",
        "role_not_allowed",
        "store_not_yours",
        "unavailable",
    }
)
"""What any call may come to; the page names them once."""

_REASONS: Final = """\
A reason says why Houfu refused. The list is closed: a reason is never renamed and never reused.
`Accept-Language` chooses the language of `message` and `remedy`; both are shown here. Figures in the wording
come from the policy; these are the shipped one's.

When several apply, the first check that fails gives the reason. The order is in [the states of an
order](states.md) and in [withdrawals](withdrawals.md).
"""
_PROBLEMS: Final = """\
A problem means that a request has no outcome. The body is `application/problem+json` (RFC 9457) with `type`,
`title`, `status`, `detail`, `code`, `request_id`, `errors` (`field`, `message`), `detail_zh` and `detail_en`.
A code is never renamed and never reused. A business "no" is no problem: see [reasons](reasons.md).
"""
_COMMANDS: Final = """\
Each command answers with one line of JSON on stdout and speaks to people on stderr. `-h` or `--help` tells
what it takes. [Exit codes](exit-codes.md) and [settings](settings.md) are the same for all.

Every command takes `--data-dir DIR`: where the embedded PostgreSQL and files live. Default: `HOUFU_DATA_DIR`,
else `~/.local/share/houfu`.
"""
_API: Final = """\
The interface in one view. `/openapi.json` of a running service describes every field, and `/docs` shows it.
[For integrators](../guides/integrators.md) says how to call it well. Where a key is required or optional, the
answer to a repeated request carries `Idempotent-Replayed: true`.

Any call may come to the problems of its key and role (`key_missing`, `key_unknown`, `role_not_allowed`,
`store_not_yours`), of its input (`input_invalid`, `json_invalid`, `media_type_unsupported`, `body_too_large`,
`body_interrupted`), of its idempotency key (`idempotency_key_missing`, `idempotency_key_invalid`,
`idempotency_key_reused`, `idempotency_key_in_use`), or of the service (`busy`, `internal`, `unavailable`).
The table names what a call has besides; [problems](problems.md) explains all.
"""
_MESSAGES: Final = """\
A message says what happened to a store: `GET /v1/stores/{store_id}/messages` lists them, newest first. `message` is
in the language that `Accept-Language` chooses; `data` says the same for a program. The list of kinds is closed: a kind
is never renamed and never reused, a field of `data` never changes its meaning.

`seq` counts a store's messages from 1, without gaps, in the order in which they became visible. Who has read up to one
misses nothing that comes after it. The message of a change of the line has the id of that change in
`GET /v1/stores/{store_id}/line/changes`, written `msg_<id>.<store_id>`.
"""
_CAUSES: Final = """\
Why a line changed (B14). Where an operator suspends, resumes, closes or reopens a line, the cause is what that person
wrote.
"""

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PAGES:
        sys.exit(f"usage: python tools/reference.py {'|'.join(PAGES)}")
    sys.stdout.write(PAGES[sys.argv[1]]().rstrip("\n") + "\n")
