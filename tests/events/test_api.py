"""The message box over HTTP: newest first, by page and kind, in the caller's language, of one's own store alone."""

from __future__ import annotations

from front import LIMIT, STORE, Front

MESSAGES = "/v1/stores/s1/messages"


async def change_status(front: Front, verb: str, cause: str) -> None:
    await front.done("POST", f"/v1/stores/s1/line/{verb}", {"cause": cause}, caller="operator")


async def test_every_change_of_a_line_is_told_in_the_order_it_came(front: Front) -> None:
    await front.open_store()
    await change_status(front, "suspend", "资料核对")
    await change_status(front, "resume", "核对通过")
    await change_status(front, "close", "商家退出")
    await change_status(front, "open", "商家回来")
    page = await front.done("GET", MESSAGES, caller="merchant")
    assert [(told["seq"], told["kind"], told["message"]) for told in page["data"]] == [
        (5, "line_opened", "您的额度已开通,总额度¥5,000.00:商家回来。"),
        (4, "line_closed", "您的额度已关闭,不再接受新的先用后付订单:商家退出。"),
        (3, "line_resumed", "您的额度已恢复使用,总额度¥5,000.00:核对通过。"),
        (2, "line_suspended", "您的额度已暂停使用,暂不接受新的先用后付订单:资料核对。"),
        (1, "line_opened", "您的额度已开通,总额度¥5,000.00:按要求重新评估。"),
    ]
    history = await front.done("GET", "/v1/stores/s1/line/changes", caller="merchant")
    assert [told["id"] for told in page["data"]] == [f"msg_{one['id']}.s1" for one in history["data"]]


async def test_a_message_has_words_data_and_its_time(front: Front) -> None:
    await front.open_store()
    page = await front.done("GET", MESSAGES, caller="merchant", headers={"accept-language": "en"})
    (told,) = page["data"]
    assert told.pop("id").startswith("msg_")
    assert told == {
        "store_id": "s1",
        "seq": 1,
        "kind": "line_opened",
        "message": "Your line is open with a limit of ¥5,000.00: an assessment was asked for.",
        "data": {
            "from_total": 0,
            "to_total": LIMIT,
            "from_status": "closed",
            "to_status": "open",
            "used": 0,
            "available": LIMIT,
            "over_used": 0,
            "currency": "CNY",
            "cause": "assessment_requested",
            "author": "platform:platform",
        },
        "occurred_at": "2026-03-02T01:00:00Z",
    }


async def test_messages_page_and_filter_by_kind(front: Front) -> None:
    await front.open_store()
    for _ in range(2):
        await change_status(front, "suspend", "c")
        await change_status(front, "resume", "d")
    first = await front.done("GET", f"{MESSAGES}?limit=3")
    rest = await front.done("GET", f"{MESSAGES}?limit=3&cursor={first['next_cursor']}")
    assert [told["seq"] for told in first["data"] + rest["data"]] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    suspended = await front.done("GET", f"{MESSAGES}?kind=line_suspended&limit=1")
    last = await front.done(
        "GET", f"{MESSAGES}?kind=line_suspended&limit=1&cursor={suspended['next_cursor']}"
    )
    assert [told["seq"] for told in suspended["data"] + last["data"]] == [4, 2]
    assert last["next_cursor"] is None


async def test_a_kind_that_is_none_and_a_cursor_of_elsewhere_are_refused(front: Front) -> None:
    await front.open_store()
    for query, field in (
        ("kind=nonsense", "kind"),
        ("cursor=bm9uc2Vuc2U", "cursor"),
        ("cursor=MA", "cursor"),
    ):
        answer = await front.call("GET", f"{MESSAGES}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_store_that_was_told_nothing_has_an_empty_box_and_an_unknown_one_none(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    assert await front.done("GET", MESSAGES) == {"data": [], "next_cursor": None}
    answer = await front.call("GET", "/v1/stores/nobody/messages")
    assert (answer.status_code, answer.json()["code"]) == (404, "store_unknown")


async def test_a_merchant_reads_its_own_box_alone(front: Front) -> None:
    await front.open_store()
    assert (await front.call("GET", MESSAGES, caller="stranger")).status_code == 403
    assert (await front.call("GET", MESSAGES, caller=None)).status_code == 401
