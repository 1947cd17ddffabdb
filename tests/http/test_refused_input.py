"""Input that cannot be taken: each a problem document, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from front import METRICS, STORE, Front

ORDER: dict[str, Any] = {"store_id": "s1", "order_id": "o9", "buyer_id": "b", "amount": 100}
TOO_MUCH = 2**53

AMOUNTS: list[tuple[str, int]] = [
    ("100.0", 422),
    ("1e2", 422),
    ("100.5", 422),
    ('"100"', 422),
    ("true", 422),
    ("null", 422),
    ("[100]", 422),
    ("{}", 422),
    (str(TOO_MUCH), 422),
    (str(2**63), 422),
    (str(2**64), 422),
    ("9" * 5_000, 422),
    (str(-TOO_MUCH), 422),
    ("NaN", 400),
    ("Infinity", 400),
    ("+1", 400),
    ("01", 400),
]
NOT_POSITIVE = ["0", "-1", str(-(2**53 - 1))]


async def refused(front: Front, status: int, code: str, *sent: Any, **how: Any) -> dict[str, Any]:
    """Send, and prove that it was refused with a whole problem document and that no row was written."""
    before = await front.rows()
    response = await front.call(*sent, **how)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {
        "type", "title", "status", "detail", "code", "request_id", "errors", "detail_zh", "detail_en",
    }  # fmt: skip
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:houfu:problem:{code}"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert await front.rows() == before
    return problem


@pytest.mark.parametrize(("amount", "status"), AMOUNTS)
async def test_an_amount_that_is_no_whole_number_within_limits_is_refused(
    amount: str, status: int, front: Front
) -> None:
    code = "json_invalid" if status == 400 else "input_invalid"
    await front.open_store()
    held = (await front.authorize())["id"]
    await front.done("POST", f"/v1/authorizations/{held}/capture", {"amount": 50})
    bodies = {
        "/v1/authorizations": '{"store_id":"s1","order_id":"o9","buyer_id":"b","amount":%s}',
        "/v1/authorizations/batch": (
            '{"items":[{"store_id":"s1","order_id":"o9","buyer_id":"b","amount":%s,"idempotency_key":"x"}]}'
        ),
        f"/v1/authorizations/{held}/repayments": '{"amount":%s}',
        f"/v1/authorizations/{held}/returns": '{"amount":%s}',
        "/v1/withdrawals/preview": '{"store_id":"s1","amount":%s}',
        "/v1/withdrawals": '{"store_id":"s1","bank_account_id":"b1","amount":%s}',
    }
    if amount != "null":  # of a capture that means everything
        bodies[f"/v1/authorizations/{held}/capture"] = '{"amount":%s}'
    for address, body in bodies.items():
        content = (body % amount).encode()
        problem = await refused(front, status, code, "POST", address, content=content, key="k")
        if status == 422:
            assert problem["errors"][0]["field"].rpartition(".")[2].startswith("amount")


@pytest.mark.parametrize("amount", NOT_POSITIVE)
async def test_an_amount_that_is_not_positive_is_a_business_refusal_of_authorizations_only(
    amount: str, front: Front
) -> None:
    await front.open_store()
    held = (await front.authorize())["id"]
    body = '{"store_id":"s1","order_id":"o9","buyer_id":"b","amount":%s}' % amount  # noqa: UP031
    response = await front.call("POST", "/v1/authorizations", content=body.encode(), key="k")
    assert (response.status_code, response.json()["status"]) == (200, "refused")
    assert response.json()["reason"] == "amount_not_positive"
    for verb in ("capture", "repayments", "returns"):
        content = b'{"amount":%s}' % amount.encode()
        address = f"/v1/authorizations/{held}/{verb}"
        await refused(front, 422, "input_invalid", "POST", address, content=content, key="k2")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"store_id": ""}, "store_id"),
        ({"store_id": "-s1"}, "store_id"),
        ({"store_id": "s1\n"}, "store_id"),
        ({"store_id": "s" * 65}, "store_id"),
        ({"store_id": "店"}, "store_id"),
        ({"store_id": 1}, "store_id"),
        ({"order_id": ""}, "order_id"),
        ({"order_id": "o" * 65}, "order_id"),
        ({"order_id": "a\x00b"}, "order_id"),
        ({"order_id": "a\n"}, "order_id"),
        ({"order_id": "a\x7f"}, "order_id"),
        ({"order_id": None}, "order_id"),
        ({"buyer_id": "b" * 65}, "buyer_id"),
        ({"buyer_id": "\u0000"}, "buyer_id"),
        ({"currency": "cny"}, "currency"),
        ({"currency": "CNYX"}, "currency"),
        ({"currency": "CNY\n"}, "currency"),
        ({"currency": 156}, "currency"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_a_field_out_of_its_form_is_refused_by_name(
    changed: dict[str, Any], field: str, front: Front
) -> None:
    await front.open_store()
    problem = await refused(
        front, 422, "input_invalid", "POST", "/v1/authorizations", {**ORDER, **changed}, key="k"
    )
    assert problem["errors"][0]["field"] == field
    item = {**ORDER, **changed, "idempotency_key": "i"}
    good = {**ORDER, "idempotency_key": "j"}
    problem = await refused(
        front, 422, "input_invalid", "POST", "/v1/authorizations/batch", {"items": [good, item]}
    )
    assert problem["errors"][0]["field"] == f"items[1].{field}"


@pytest.mark.parametrize("missing", ["store_id", "order_id", "buyer_id", "amount"])
async def test_a_missing_field_is_named(missing: str, front: Front) -> None:
    body = {name: value for name, value in ORDER.items() if name != missing}
    problem = await refused(front, 422, "input_invalid", "POST", "/v1/authorizations", body, key="k")
    assert problem["errors"][0]["field"] == missing


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"not json",
        b'{"store_id":"s1","order_id":"o","buyer_id":"b","amount":1,}',
        b"{'store_id':'s1'}",
        b'{"store_id":"\xff"}',
        b'{"store_id":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"store_id":"s1","order_id":"o","buyer_id":"b","amount":1} {}',
        b'{"order_id":"a\nb"}',
        b"\x00",
    ],
)
async def test_what_is_no_json_is_refused(content: bytes, front: Front) -> None:
    await refused(front, 400, "json_invalid", "POST", "/v1/authorizations", content=content, key="k")


@pytest.mark.parametrize("content", [b"[]", b"1", b'"x"', b"null", b"[" * 900_000])
async def test_json_that_is_no_object_is_refused(content: bytes, front: Front) -> None:
    await refused(front, 422, "input_invalid", "POST", "/v1/authorizations", content=content, key="k")


async def test_a_body_over_the_limit_is_refused_however_it_comes(front: Front) -> None:
    big = b'{"order_id":"' + b"x" * 10_000_000 + b'"}'

    async def streamed() -> Any:
        for at in range(0, len(big), 100_000):
            yield big[at : at + 100_000]

    for method, address in (
        ("POST", "/v1/authorizations"),
        ("POST", "/v1/withdrawals"),
        ("PUT", "/v1/stores/s1"),
    ):
        await refused(front, 413, "body_too_large", method, address, content=big, key="k")
        await refused(front, 413, "body_too_large", method, address, content=streamed(), key="k")


async def test_a_body_just_within_the_limit_is_read(front: Front) -> None:
    content = b'{"x":"' + b"x" * (1_000_000 - 8) + b'"}'
    assert len(content) == 1_000_000
    await refused(front, 422, "input_invalid", "POST", "/v1/authorizations", content=content, key="k")
    await refused(front, 413, "body_too_large", "POST", "/v1/authorizations", content=content + b" ", key="k")


@pytest.mark.parametrize(
    "kind", ["text/html", "application/xml", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_a_body_that_says_it_is_something_else_is_refused(kind: str, front: Front) -> None:
    await refused(
        front, 415, "media_type_unsupported", "POST", "/v1/authorizations",
        content=b"{}", key="k", headers={"content-type": kind},
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json",
             "application/x-www-form-urlencoded"]
)  # fmt: skip
async def test_a_body_that_may_be_json_is_read(kind: str, front: Front) -> None:
    response = await front.call("POST", "/v1/authorizations", ORDER, key="k", headers={"content-type": kind})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "missing"), ("", "invalid"), ("k" * 256, "invalid"), ("\x07", "invalid"), ("钥匙", "invalid")],
)
async def test_a_call_that_moves_money_needs_a_usable_idempotency_key(
    key: str | None, code: str, front: Front
) -> None:
    await front.open_store()
    held = (await front.authorize())["id"]
    headers: Any = {"authorization": f"Bearer {front.keys['platform']}"}
    if key is not None:
        headers["idempotency-key"] = key.encode()
    for address, body in (
        ("/v1/authorizations", ORDER),
        (f"/v1/authorizations/{held}/capture", {}),
        (f"/v1/authorizations/{held}/void", {}),
        (f"/v1/authorizations/{held}/repayments", {"amount": 1}),
        (f"/v1/authorizations/{held}/returns", {"amount": 1}),
        ("/v1/withdrawals", {"store_id": "s1", "amount": 1, "bank_account_id": "b1"}),
    ):
        await refused(
            front, 400, f"idempotency_key_{code}", "POST", address, body, caller=None, headers=headers
        )


@pytest.mark.parametrize("items", [[], [{**ORDER, "idempotency_key": str(nth)} for nth in range(1001)]])
async def test_a_batch_holds_one_to_a_thousand(items: list[dict[str, Any]], front: Front) -> None:
    await refused(front, 422, "input_invalid", "POST", "/v1/authorizations/batch", {"items": items})


async def test_unknown_stores_and_other_currencies_are_business_refusals(front: Front) -> None:
    await front.open_store()
    for changed, reason in (
        ({"store_id": "nobody"}, "store_unknown"),
        ({"currency": "USD"}, "currency_differs"),
    ):
        response = await front.call("POST", "/v1/authorizations", {**ORDER, **changed}, key=reason)
        assert (response.status_code, response.json()["reason"]) == (200, reason)
    held = (await front.authorize())["id"]
    for verb in ("capture", "repayments", "returns"):
        problem = await refused(
            front, 422, "input_invalid", "POST", f"/v1/authorizations/{held}/{verb}",
            {"amount": 1, "currency": "USD"}, key="k",
        )  # fmt: skip
        assert problem["errors"][0]["field"] == "currency"


async def test_an_unknown_address_and_a_wrong_method_are_problems(front: Front) -> None:
    for method, address, status, code in (
        ("GET", "/nothing", 404, "route_unknown"),
        ("GET", "/v1/authorizations/x/capture/y", 404, "route_unknown"),
        ("POST", "/v1/authorizations/a/b/c", 404, "route_unknown"),
        ("DELETE", "/v1/stores/s1", 405, "method_not_allowed"),
        ("PATCH", "/v1/authorizations", 405, "method_not_allowed"),
    ):
        response = await front.call(method, address)
        assert (response.status_code, response.json()["code"]) == (status, code), (method, address)


@pytest.mark.parametrize(
    "id", ["x", "auth_1.s1", f"auth_{'0' * 32}", f"wd_{'0' * 32}.s1", f"auth_{'0' * 32}.s1%0A"]
)
async def test_an_id_that_is_none_is_refused(id: str, front: Front) -> None:
    await refused(front, 422, "input_invalid", "POST", f"/v1/authorizations/{id}/capture", {}, key="k")
    await refused(front, 422, "input_invalid", "GET", f"/v1/authorizations/{id}")


async def test_an_id_that_nobody_was_given_is_unknown(front: Front) -> None:
    id = f"auth_{'0' * 32}.s1"
    await refused(
        front, 404, "authorization_unknown", "POST", f"/v1/authorizations/{id}/capture", {}, key="k"
    )
    await refused(front, 404, "authorization_unknown", "GET", f"/v1/authorizations/{id}")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=1.0", "limit=1e1", "limit=x", "limit=", "limit=-1", "cursor=%00", "cursor=!",
     "cursor=eHg", "unknown=1", "limit=1&limit=2", "status=nonsense", "store_id=%0A", "order_id=a%00", "order_id=%FF"],
)  # fmt: skip
async def test_a_query_that_cannot_be_taken_is_refused(query: str, front: Front) -> None:
    await refused(front, 422, "input_invalid", "GET", f"/v1/authorizations?{query}")


STORE_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"level": 0}, "level"),
    ({"level": 101}, "level"),
    ({"level": 1.0}, "level"),
    ({"opened_on": "2026-02-30"}, "opened_on"),
    ({"opened_on": "0001-01-01"}, "opened_on"),
    ({"opened_on": 20260101}, "opened_on"),
    ({"phone_kind": "satellite"}, "phone_kind"),
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\u0000"}, "name"),
    ({"owner_id": ""}, "owner_id"),
    ({"category": "x" * 65}, "category"),
]


@pytest.mark.parametrize(("changed", "field"), STORE_FAULTS)
async def test_a_store_out_of_its_form_is_refused(changed: dict[str, Any], field: str, front: Front) -> None:
    problem = await refused(front, 422, "input_invalid", "PUT", "/v1/stores/s1", {**STORE, **changed})
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "2026-2", "202602", "2026-04", "2099-01", "1999-01"])
async def test_a_month_that_is_none_or_has_not_begun_is_refused(month: str, front: Front) -> None:
    await front.open_store()
    problem = await refused(front, 422, "input_invalid", "PUT", f"/v1/stores/s1/metrics/{month}", METRICS)
    assert problem["errors"][0]["field"] == "month"


@pytest.mark.parametrize(
    "moment", ["2026-03-01T00:00:00", "2026-03-02T09:00:01+08:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-08:00",
               "0001-01-01T00:00:00+08:00", "yesterday", 1_700_000_000]
)  # fmt: skip
async def test_a_fact_needs_a_moment_that_has_been(moment: object, front: Front) -> None:
    await front.open_store()
    body = {"kind": "violation", "occurred_at": moment}
    problem = await refused(front, 422, "input_invalid", "POST", "/v1/stores/s1/facts", body)
    assert problem["errors"][0]["field"] == "occurred_at"


@pytest.mark.parametrize(
    "number", ["1234567", "6222 0212 3456", "62220212345678901234567890123456789", "６２２２０２１２"]
)
async def test_a_bank_account_number_is_digits(number: str, front: Front) -> None:
    await front.open_store()
    body = {"holder": "h", "number": number, "bank_code": "ICBC"}
    problem = await refused(front, 422, "input_invalid", "PUT", "/v1/stores/s1/bank_accounts/b1", body)
    assert problem["errors"][0]["field"] == "number"
    assert number not in str(problem)


async def test_problems_speak_the_callers_language(front: Front) -> None:
    for accept, detail in (
        (None, "detail_zh"),
        ("zh-CN", "detail_zh"),
        ("en", "detail_en"),
        ("en-GB,zh", "detail_en"),
    ):
        headers = {} if accept is None else {"accept-language": accept}
        for address in ("/v1/stores/nobody", "/nowhere"):
            problem = (await front.call("GET", address, headers=headers)).json()
            assert problem["detail"] == problem[detail]
