"""The interface of funding partners' facilities."""

from typing import Annotated, Final

import msgspec

from houfu.core.money import DEFAULT_CURRENCY, MAX_AMOUNT
from houfu.db.tx import Connection
from houfu.funding import actions
from houfu.funding.facility import Facility
from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Currency, Nothing
from houfu.http.problem import invalid
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route

Partner = Annotated[
    str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,47}$", description="The partner's code in the policy.")
]
_SHOWN_MAX: Final = 200


class PartnerPath(msgspec.Struct, frozen=True):
    """A path that names a funding partner."""

    partner: Partner


class FacilityBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the partner commits, minor units."""

    committed: Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)]
    currency: Currency = DEFAULT_CURRENCY


class FacilityView(Facility, frozen=True, kw_only=True):
    """A facility, and what is left of it."""

    headroom_left: int


async def put(call: Call[PartnerPath, Nothing, FacilityBody]) -> Reply:
    """Open a facility or change its commitment. Limits that are made already stay."""
    async with call.service.pool.acquire() as connection:
        return reply(200, _view(await _put(connection, call)))


async def _put(connection: Connection, call: Call[PartnerPath, Nothing, FacilityBody]) -> Facility:
    try:
        return await actions.put_facility(
            connection,
            call.path.partner,
            currency=call.body.currency,
            committed=call.body.committed,
            author=call.caller.author,
            now=call.now(),
        )
    except actions.CurrencyDiffers:
        raise invalid("currency", "is not the currency the facility was opened in") from None


async def show(call: Call[Nothing, Nothing, Nothing]) -> Reply:
    """Show every facility: what is committed, allocated and left."""
    async with call.service.pool.acquire() as connection:
        facilities = await actions.list_facilities(connection)
    return reply(200, Page(tuple(_view(facility) for facility in facilities[:_SHOWN_MAX]), None))


def _view(facility: Facility) -> FacilityView:
    return FacilityView(
        partner=facility.partner,
        currency=facility.currency,
        committed=facility.committed,
        allocated=facility.allocated,
        headroom_left=facility.headroom,
    )


def routes() -> list[AnyRoute]:
    """The routes of facilities."""
    return [
        Route(
            method="PUT",
            address="/v1/facilities/{partner}",
            operation="put_facility",
            summary="Open a funding partner's facility, or change what it commits",
            tag="funding",
            roles=OPERATOR,
            path=PartnerPath,
            query=Nothing,
            body=FacilityBody,
            answers={200: FacilityView},
            handle=put,
        ),
        Route(
            method="GET",
            address="/v1/facilities",
            operation="list_facilities",
            summary="Every facility: committed, allocated and left",
            tag="funding",
            roles=STAFF,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={200: Page[FacilityView]},
            handle=show,
        ),
    ]
