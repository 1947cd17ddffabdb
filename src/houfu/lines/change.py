"""A change of a line, and how its store is told (B14, C4)."""

from datetime import datetime
from typing import Final

import msgspec

from houfu.core.money import in_words
from houfu.events.message import Kind, Message
from houfu.lines import cause
from houfu.lines.line import Line


class LineChange(msgspec.Struct, frozen=True, gc=False):
    """A row of `line_changes`: who changed a line's total or status, when and why (B14)."""

    id: str
    before: Line
    after: Line
    cause: str
    author: str
    occurred_at: datetime


def announcement(change: LineChange) -> Message:
    """What the store is told. The message has the id of the change.

    Where more is used than the limit now gives, it says that nothing is clawed back and by how much.
    """
    before, after = change.before, change.after
    kind = _kind(before, after)
    zh, en = _WORDS[kind]
    was, total = in_words(before.total, after.currency), in_words(after.total, after.currency)
    why_zh, why_en = cause.in_words(change.cause, "zh"), cause.in_words(change.cause, "en")
    message_zh = zh.format(was=was, total=total, why=why_zh)
    message_en = en.format(was=was, total=total, why=why_en)
    if after.over_used > 0 and after.total != before.total:
        used, over = in_words(after.used, after.currency), in_words(after.over_used, after.currency)
        none = in_words(0, after.currency)
        message_zh += f"已用额度{used}超出总额度{over}:已垫付的款项不会追回,可使用额度为{none}。"
        message_en += (
            f" You use {used}, {over} more than the limit: nothing is clawed back, and {none} is available."
        )
    return Message(
        after.store_id,
        change.id,
        kind,
        message_zh,
        message_en,
        {
            "from_total": before.total,
            "to_total": after.total,
            "from_status": before.status,
            "to_status": after.status,
            "used": after.used,
            "available": after.available,
            "over_used": after.over_used,
            "currency": after.currency,
            "cause": change.cause,
            "author": change.author,
        },
        change.occurred_at,
    )


def _kind(before: Line, after: Line) -> Kind:
    """A change of status outweighs one of the total that comes with it."""
    match before.status, after.status:
        case "closed", "open":
            return Kind.LINE_OPENED
        case "suspended", "open":
            return Kind.LINE_RESUMED
        case "open" | "closed", "suspended":
            return Kind.LINE_SUSPENDED
        case "open" | "suspended", "closed":
            return Kind.LINE_CLOSED
        case _:
            if after.total > before.total:
                return Kind.LIMIT_RAISED
            return Kind.LIMIT_LOWERED if after.total else Kind.LIMIT_ZEROED


_WORDS: Final = {
    Kind.LINE_OPENED: (
        "您的额度已开通,总额度{total}:{why}。",
        "Your line is open with a limit of {total}: {why}.",
    ),
    Kind.LIMIT_RAISED: (
        "您的额度由{was}调整为{total}:{why}。",
        "Your limit went from {was} to {total}: {why}.",
    ),
    Kind.LIMIT_LOWERED: (
        "您的额度由{was}调整为{total}:{why}。",
        "Your limit went from {was} to {total}: {why}.",
    ),
    Kind.LIMIT_ZEROED: (
        "您的额度由{was}降为{total}:{why}。",
        "Your limit went from {was} down to {total}: {why}.",
    ),
    Kind.LINE_SUSPENDED: (
        "您的额度已暂停使用,暂不接受新的先用后付订单:{why}。",
        "Your line is suspended and takes no new orders for now: {why}.",
    ),
    Kind.LINE_RESUMED: (
        "您的额度已恢复使用,总额度{total}:{why}。",
        "Your line takes new orders again, with a limit of {total}: {why}.",
    ),
    Kind.LINE_CLOSED: (
        "您的额度已关闭,不再接受新的先用后付订单:{why}。",
        "Your line is closed and takes no new orders: {why}.",
    ),
}
