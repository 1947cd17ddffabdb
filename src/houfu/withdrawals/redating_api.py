"""The interface of redatings: how the dates of a withdrawal moved, and which notice moved them."""

import msgspec

from houfu.core.ids import parse_public_id
from houfu.http.caller import EVERYONE
from houfu.http.fields import Nothing, WithdrawalId
from houfu.http.reply import Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.withdrawals.ask import PREFIX
from houfu.withdrawals.redating import Redating, WithdrawalUnknown, redatings


class RedatedPath(msgspec.Struct, frozen=True):
    """A path that names a withdrawal."""

    id: WithdrawalId


class Redatings(msgspec.Struct, frozen=True):
    """The moves of a withdrawal's dates, the oldest first: at most one for each version of the calendar."""

    data: list[Redating]


async def show(call: Call[RedatedPath, Nothing, Nothing]) -> Reply:
    """Show how the withdrawal's dates moved."""
    named = parse_public_id(PREFIX, call.path.id)
    if named is None:
        raise WithdrawalUnknown(call.path.id)
    async with call.service.pool.acquire() as connection:
        return reply(200, Redatings(await redatings(connection, *named)))


def routes() -> list[AnyRoute]:
    """The routes of redatings."""
    return [
        Route(
            method="GET",
            address="/v1/withdrawals/{id}/redatings",
            operation="list_redatings",
            summary="How a withdrawal's dates moved when holiday notices came, the oldest first",
            tag="withdrawals",
            roles=EVERYONE,
            path=RedatedPath,
            query=Nothing,
            body=Nothing,
            answers={200: Redatings},
            handle=show,
            raises={WithdrawalUnknown: "withdrawal_unknown"},
        )
    ]
