"""The state machine of an order: a table per command, and the laws that hold for any sequence of commands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houfu.core.reason import Reason, Refusal
from houfu.lines import order as orders
from houfu.lines.order import Effect, Order, Standing
from houfu.policy.terms import Orders
from lines import fen
from lines.fen import FenOrder, Till
from lines.programme import order_terms

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TERMS = order_terms()
NOBODY = Standing(0, 0)
RICH = Standing(1_000, 0)


def authorized(amount: int = 100, *, beyond: int = 0) -> Order:
    expires_at = NOW + timedelta(days=15)
    return Order(
        store_id="s1",
        id="0" * 32,
        order_id="o1",
        buyer_id="b1",
        status="authorized",
        currency="CNY",
        amount=amount,
        authorized_at=NOW,
        over_limit_amount=beyond,
        expires_at=expires_at,
        due_at=expires_at,
    )


def after(effect: Effect | Refusal | None) -> Order:
    assert isinstance(effect, Effect), effect
    return effect.order


def captured(order: Order, amount: int | None = None, *, final: bool = False, terms: Orders = TERMS) -> Order:
    return after(orders.capture(order, amount, final=final, terms=terms, now=NOW))


def defaulted(order: Order, *, terms: Orders = TERMS, standing: Standing = NOBODY) -> Order:
    return after(
        orders.default(order, standing=standing, terms=terms, now=NOW + timedelta(days=60), partner="bank")
    )


def moved(effect: Effect | Refusal | None) -> dict[str, int]:
    assert isinstance(effect, Effect), effect
    return dict(effect.postings)


# --- captures


@pytest.mark.parametrize(
    ("share_bp", "captures", "advances"),
    [
        (10_000, [100], [100]),
        (10_000, [33, 33, 34], [33, 33, 34]),
        (3_333, [100], [33]),
        (3_333, [1, 1, 1, 97], [0, 0, 0, 33]),
        (3_333, [50, 50], [16, 17]),
        (9_999, [1, 1, 98], [0, 1, 98]),
        (0, [100], [0]),
    ],
)
def test_however_an_order_is_split_its_advances_add_up_to_the_same(
    share_bp: int, captures: list[int], advances: list[int]
) -> None:
    order, given = authorized(), list[int]()
    for amount in captures:
        effect = orders.capture(order, amount, final=False, terms=order_terms(share_bp=share_bp), now=NOW)
        given.append(moved(effect).get("buyer_receivable", 0))
        order = after(effect)
    assert given == advances
    assert (order.status, order.captured, order.held) == ("captured", 100, 0)


@pytest.mark.parametrize("share_bp", [0, 1, 3_333, 5_000, 9_999, 10_000])
@pytest.mark.parametrize("beyond", [0, 1, 50, 99, 100])
def test_the_split_moves_nothing_across_the_line_either(share_bp: int, beyond: int) -> None:
    terms = order_terms(share_bp=share_bp)
    whole, parts = captured(authorized(beyond=beyond), terms=terms), authorized(beyond=beyond)
    for _ in range(100):
        parts = captured(parts, 1, terms=terms)
    assert (parts.receivable, parts.liability) == (whole.receivable, whole.liability)
    assert parts.receivable + parts.liability == 100 * share_bp // 10_000


def test_what_lies_within_the_line_is_drawn_first() -> None:
    first = orders.capture(authorized(beyond=30), 80, final=False, terms=TERMS, now=NOW)
    assert moved(first) == {"buyer_receivable": 70, "store_liability": 10, "store_balance": -80}
    second = orders.capture(after(first), None, final=False, terms=TERMS, now=NOW)
    assert moved(second) == {"store_liability": 20, "store_balance": -20}


def test_a_final_capture_frees_the_rest_of_the_hold() -> None:
    effect = orders.capture(authorized(), 60, final=True, terms=TERMS, now=NOW)
    assert isinstance(effect, Effect)
    assert (effect.amount, effect.used) == (60, -40)
    assert (effect.order.held, effect.order.freed, effect.order.used, effect.order.status) == (
        0,
        40,
        60,
        "captured",
    )


def test_a_capture_is_due_when_the_hold_expires_or_the_buyer_defaults_whichever_is_first() -> None:
    part = captured(authorized(), 60)
    assert (part.status, part.due_at) == ("partially_captured", NOW + timedelta(days=15))
    assert captured(part).due_at == NOW + timedelta(days=60)


# --- repayments


def test_a_payment_settles_what_lies_beyond_the_line_first() -> None:
    order = captured(authorized(beyond=30))
    first = orders.repay(order, 20, standing=Standing(100, 30))
    assert moved(first) == {"bank": 20, "store_liability": -20}
    second = orders.repay(after(first), 80, standing=Standing(100, 10))
    assert moved(second) == {"bank": 80, "store_liability": -10, "buyer_receivable": -70}
    assert (after(second).status, after(second).used) == ("repaid", 0)


def test_a_payment_for_liability_that_was_collected_already_is_the_stores() -> None:
    effect = orders.repay(captured(authorized(beyond=30)), 30, standing=Standing(0, 0))
    assert moved(effect) == {"bank": 30, "store_balance": -30}
    assert after(effect).liability == 0


def test_what_was_never_advanced_is_the_stores_when_the_buyer_pays() -> None:
    order = captured(authorized(), terms=order_terms(share_bp=0))
    assert moved(orders.repay(order, 100, standing=NOBODY)) == {"bank": 100, "store_balance": -100}
    part = captured(authorized(), terms=order_terms(share_bp=3_333))
    assert moved(orders.repay(part, 50, standing=NOBODY)) == {
        "bank": 50,
        "buyer_receivable": -33,
        "store_balance": -17,
    }


# --- returns


def test_a_return_before_capture_frees_the_hold_and_moves_no_money() -> None:
    effect = orders.give_back(authorized(), 30, standing=NOBODY)
    assert isinstance(effect, Effect)
    assert (effect.used, effect.postings, effect.order.status, effect.order.held) == (
        -30,
        (),
        "authorized",
        70,
    )
    assert after(orders.give_back(effect.order, 70, standing=NOBODY)).status == "voided"


@pytest.mark.parametrize(
    ("standing", "postings"),
    [
        (Standing(100, 0), {"store_balance": 40, "buyer_receivable": -40}),
        (Standing(15, 0), {"store_balance": 15, "store_liability": 25, "buyer_receivable": -40}),
        (Standing(0, 7), {"store_liability": 40, "buyer_receivable": -40}),
    ],
)
def test_an_advance_is_clawed_back_from_the_balance_else_it_is_the_stores_liability(
    standing: Standing, postings: dict[str, int]
) -> None:
    effect = orders.give_back(captured(authorized()), 40, standing=standing)
    assert moved(effect) == postings
    assert (after(effect).used, after(effect).returned, after(effect).status) == (60, 40, "captured")


def test_a_return_after_payment_refunds_the_buyer_at_the_stores_cost() -> None:
    paid = after(orders.repay(captured(authorized()), 100, standing=NOBODY))
    effect = orders.give_back(paid, 100, standing=Standing(60, 0))
    assert moved(effect) == {"store_balance": 60, "store_liability": 40, "bank": -100}
    assert (after(effect).status, after(effect).refunded, after(effect).used) == ("returned", 100, 0)


def test_a_return_forgives_what_is_owed_before_it_refunds_what_was_paid() -> None:
    paid = after(orders.repay(captured(authorized()), 70, standing=NOBODY))
    effect = orders.give_back(paid, 50, standing=RICH)
    assert moved(effect) == {"store_balance": 50, "buyer_receivable": -30, "bank": -20}
    assert (after(effect).unpaid, after(effect).refunded) == (0, 20)


def test_a_balance_pays_what_lies_beyond_the_line_before_it_is_clawed_back() -> None:
    effect = orders.give_back(captured(authorized(beyond=30)), 100, standing=Standing(60, 30))
    assert moved(effect) == {"store_balance": 60, "store_liability": 40 - 30, "buyer_receivable": -70}


@pytest.mark.parametrize(
    ("standing", "postings"),
    [
        (Standing(100, 30), {"store_balance": 30, "store_liability": -30}),
        (Standing(20, 30), {"store_balance": 20, "store_liability": -20}),
        (Standing(100, 0), {}),
    ],
)
def test_a_return_beyond_the_line_is_paid_from_the_balance_unless_it_was_collected(
    standing: Standing, postings: dict[str, int]
) -> None:
    effect = orders.give_back(captured(authorized(beyond=30)), 30, standing=standing)
    assert moved(effect) == postings
    assert after(effect).liability == 0


# --- defaults


BEARERS = {"platform": "loss", "funding_partner": "funding_partner"}


@pytest.mark.parametrize(("bearer", "account"), BEARERS.items())
def test_a_default_moves_the_advance_to_whoever_bears_it_and_restores_nothing(
    bearer: Any, account: str
) -> None:
    terms = order_terms(received=bearer)
    effect = orders.default(
        captured(authorized()), standing=RICH, terms=terms, now=NOW + timedelta(days=60), partner="bank"
    )
    assert moved(effect) == {account: 100, "buyer_receivable": -100}
    order = after(effect)
    assert (order.status, order.used, order.written_off, order.receivable) == ("defaulted", 100, 100, 0)
    assert (order.borne_by, order.due_at) == (bearer, None)


def test_a_store_bears_a_default_from_its_balance_and_owes_the_rest() -> None:
    terms = order_terms(received="store")
    effect = orders.default(
        captured(authorized()), standing=Standing(70, 5), terms=terms, now=NOW + timedelta(days=60)
    )
    assert moved(effect) == {"store_balance": 70, "store_liability": 30, "buyer_receivable": -100}


@pytest.mark.parametrize(
    ("after_days", "bearer"), [(9, "store"), (10, "funding_partner"), (11, "funding_partner")]
)
def test_who_bears_a_default_depends_on_whether_receipt_was_confirmed(after_days: int, bearer: str) -> None:
    terms = order_terms(shipped="store", received="funding_partner", after_days=after_days)
    order = captured(authorized(), terms=terms)
    due = NOW + timedelta(days=after_days)
    effect = orders.default(order, standing=RICH, terms=terms, now=due, partner="bank")
    assert after(effect).borne_by == bearer


def test_the_platform_bears_what_a_partner_would_where_the_store_has_none() -> None:
    terms = order_terms(received="funding_partner")
    effect = orders.default(captured(authorized()), standing=RICH, terms=terms, now=NOW + timedelta(days=60))
    assert moved(effect) == {"loss": 100, "buyer_receivable": -100}
    assert after(effect).borne_by == "platform"


def test_nothing_defaults_before_its_time_or_twice_or_when_it_was_paid() -> None:
    order = captured(authorized())
    due = NOW + timedelta(days=60)
    assert orders.default(order, standing=NOBODY, terms=TERMS, now=due - timedelta(microseconds=1)) is None
    assert orders.default(defaulted(order), standing=NOBODY, terms=TERMS, now=due) is None
    paid = after(orders.repay(order, 100, standing=NOBODY))
    assert orders.default(paid, standing=NOBODY, terms=TERMS, now=due) is None
    assert orders.default(authorized(), standing=NOBODY, terms=TERMS, now=due) is None


def test_what_lies_beyond_the_line_is_the_stores_and_defaults_with_nothing() -> None:
    order = captured(authorized(beyond=100))
    effect = orders.default(order, standing=Standing(0, 100), terms=TERMS, now=NOW + timedelta(days=60))
    assert moved(effect) == {}
    assert after(effect).liability == 100


@pytest.mark.parametrize(
    ("bearer", "account"),
    [("store", "store_balance"), ("platform", "loss"), ("funding_partner", "funding_partner")],
)
def test_a_late_payment_goes_to_whoever_bore_the_default(bearer: Any, account: str) -> None:
    order = defaulted(captured(authorized()), terms=order_terms(received=bearer))
    effect = orders.repay(order, 40, standing=Standing(0, 100))
    assert moved(effect) == {"bank": 40, account: -40}
    assert (after(effect).status, after(effect).written_off, after(effect).used) == ("defaulted", 60, 60)
    assert after(orders.repay(after(effect), 60, standing=NOBODY)).status == "repaid"


@pytest.mark.parametrize(
    ("bearer", "postings"),
    [
        ("store", {}),
        ("platform", {"store_balance": 40, "loss": -40}),
        ("funding_partner", {"store_balance": 40, "funding_partner": -40}),
    ],
)
def test_a_return_after_default_claws_back_only_what_the_store_did_not_bear(
    bearer: Any, postings: dict[str, int]
) -> None:
    order = defaulted(captured(authorized()), terms=order_terms(received=bearer))
    effect = orders.give_back(order, 40, standing=RICH)
    assert moved(effect) == postings
    poor = {
        account if account != "store_balance" else "store_liability": amount
        for account, amount in postings.items()
    }
    assert moved(orders.give_back(order, 40, standing=NOBODY)) == poor
    assert (after(effect).written_off, after(effect).used) == (60, 60)


def test_what_ships_after_a_default_defaults_in_its_turn_to_the_same_bearer() -> None:
    first = defaulted(captured(authorized(), 60))
    later = NOW + timedelta(days=61)
    second = after(orders.capture(first, 40, final=False, terms=TERMS, now=later))
    assert (second.receivable, second.due_at) == (40, later + timedelta(days=60))
    third = orders.default(
        second, standing=NOBODY, terms=order_terms(received="store"), now=later + timedelta(days=60)
    )
    assert moved(third) == {"loss": 40, "buyer_receivable": -40}
    assert (after(third).written_off, after(third).due_at) == (100, None)


# --- expiry and void


def test_a_hold_expires_at_its_moment_and_not_before() -> None:
    order = authorized()
    assert order.expires_at is not None
    assert orders.expire(order, now=order.expires_at - timedelta(microseconds=1)) is None
    effect = orders.expire(order, now=order.expires_at)
    assert isinstance(effect, Effect)
    assert (effect.order.status, effect.used, effect.order.due_at) == ("expired", -100, None)
    assert orders.expire(effect.order, now=order.expires_at) is None


def test_what_was_captured_outlives_the_expiry_of_the_rest() -> None:
    part = captured(authorized(), 60)
    effect = orders.expire(part, now=NOW + timedelta(days=15))
    assert (after(effect).status, after(effect).used, after(effect).freed) == ("captured", 60, 40)


# --- refusals

REFUSED = msgspec.structs.replace(
    authorized(), status="refused", reason="limit_exceeded", expires_at=None, due_at=None
)


@pytest.mark.parametrize(
    ("order", "command", "reason"),
    [
        (REFUSED, "capture", Reason.AUTHORIZATION_REFUSED),
        (REFUSED, "void", Reason.AUTHORIZATION_REFUSED),
        (REFUSED, "repay", Reason.AUTHORIZATION_REFUSED),
        (REFUSED, "return", Reason.AUTHORIZATION_REFUSED),
        (authorized(5), "capture", Reason.CAPTURE_EXCEEDS_HOLD),
        (authorized(5), "repay", Reason.REPAYMENT_EXCEEDS_OUTSTANDING),
        (authorized(5), "return", Reason.RETURN_EXCEEDS_ORDER),
        (captured(authorized(5)), "capture", Reason.ORDER_CLOSED),
        (captured(authorized(5)), "void", Reason.NOTHING_TO_VOID),
        (captured(authorized(5)), "repay", Reason.REPAYMENT_EXCEEDS_OUTSTANDING),
        (captured(authorized(5)), "return", Reason.RETURN_EXCEEDS_ORDER),
        (after(orders.void(authorized(5))), "capture", Reason.ORDER_CLOSED),
        (after(orders.void(authorized(5))), "void", Reason.NOTHING_TO_VOID),
        (after(orders.void(authorized(5))), "repay", Reason.ORDER_CLOSED),
        (after(orders.void(authorized(5))), "return", Reason.ORDER_CLOSED),
    ],
)
def test_every_reason_has_its_place(order: Order, command: str, reason: Reason) -> None:
    asked: dict[str, Any] = {
        "capture": lambda: orders.capture(order, 6, final=False, terms=TERMS, now=NOW),
        "void": lambda: orders.void(order),
        "repay": lambda: orders.repay(order, 6, standing=NOBODY),
        "return": lambda: orders.give_back(order, 6, standing=NOBODY),
    }
    assert asked[command]() == Refusal(reason)


# --- laws

SHARES = st.sampled_from([0, 1, 3_333, 5_000, 9_999, 10_000])
BEARER = st.sampled_from(["store", "platform", "funding_partner"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["capture", "final", "void", "repay", "return", "return", "expire", "default", "collect"]
        ),
        st.integers(1, 40) | st.none(),
        st.sampled_from([0, 0, 1, 15, 60]),
    ),
    max_size=14,
)


@settings(max_examples=1_000, deadline=None)
@given(
    amount=st.integers(1, 40),
    beyond=st.integers(0, 40),
    share_bp=SHARES,
    bearer=BEARER,
    opening=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    steps=STEPS,
)
def test_any_sequence_of_commands_does_what_single_fen_would(
    amount: int,
    beyond: int,
    share_bp: int,
    bearer: Any,
    opening: tuple[int, int],
    steps: list[tuple[str, int | None, int]],
) -> None:
    """Against the model of single fen: every amount, every account, every refusal; and the laws of conservation."""
    terms = order_terms(share_bp=share_bp, received=bearer)
    beyond = min(beyond, amount)
    order, now = authorized(amount, beyond=beyond), NOW
    model = FenOrder.authorized(amount, beyond=beyond, expires_at=NOW + timedelta(days=15))
    till = Till(balance=opening[0], liability=opening[1])
    books = {"store_balance": -opening[0], "store_liability": opening[1]}
    for command, part, days in steps:
        now += timedelta(days=days)
        standing = Standing(-books["store_balance"], books["store_liability"])
        whole = 1 if part is None else part
        effect: Effect | Refusal | None
        expected: str | bool | None
        match command:
            case "capture" | "final":
                final = command == "final"
                effect = orders.capture(order, part, final=final, terms=terms, now=now)
                expected = fen.capture(model, part, final=final, till=till, terms=terms, now=now)
            case "void":
                effect, expected = orders.void(order), fen.void(model)
            case "repay":
                effect = orders.repay(order, whole, standing=standing)
                expected = fen.repay(model, whole, till=till)
            case "return":
                effect = orders.give_back(order, whole, standing=standing)
                expected = fen.give_back(model, whole, till=till)
            case "expire":
                effect = orders.expire(order, now=now)
                due = model.count(fen.HELD) and model.expires_at <= now
                expected = fen.void(model, emptied="expired") if due else False
            case "default":
                effect = orders.default(order, standing=standing, terms=terms, now=now, partner="bank")
                expected = None if fen.default(model, till=till, terms=terms, now=now) else False
            case _:  # a withdrawal collects the liability and takes the balance (A10)
                taken = min(whole, till.balance)
                collected = min(taken, till.liability)
                till.balance, till.liability = till.balance - taken, till.liability - collected
                books["store_balance"] += taken
                books["store_liability"] -= collected
                continue
        if expected is not None:
            assert effect is None if expected is False else effect == Refusal(Reason(expected))
            continue
        assert isinstance(effect, Effect)
        assert sum(posting for _, posting in effect.postings) == 0
        assert len({account for account, _ in effect.postings}) == len(effect.postings) != 1
        assert effect.order.used == order.used + effect.used
        order = effect.order
        for account, posting in effect.postings:
            books[account] = books.get(account, 0) + posting
        check_laws(order, share_bp)
        assert {name: getattr(order, name) for name in model.amounts()} == model.amounts()
        assert (order.status, order.used, order.borne_by) == (model.status, model.used, model.bearer)
        assert books == {
            "store_balance": -till.balance,
            "store_liability": till.liability,
            **{
                name: held
                for name, held in (
                    ("buyer_receivable", till.receivable),
                    ("bank", till.bank),
                    ("loss", till.loss),
                    ("funding_partner", till.partner),
                )
                if name in books
            },
        }


def check_laws(order: Order, share_bp: int) -> None:
    """What holds for every order at any time."""
    assert order.held + order.captured + order.freed == order.amount
    assert order.used == order.held + order.unpaid
    assert min(order.held, order.unpaid, order.receivable, order.liability, order.written_off) >= 0
    assert order.receivable + order.liability + order.written_off <= order.captured * share_bp // 10_000
    assert order.receivable + order.liability + order.written_off <= order.unpaid
    if order.unpaid == 0:
        assert order.receivable == order.liability == order.written_off == 0
    if order.used == 0:
        assert order.due_at is None
        assert order.status in {"repaid", "returned", "voided", "expired"}
