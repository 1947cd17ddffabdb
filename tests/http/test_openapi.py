"""The OpenAPI document describes every route as it is, and the documentation page asks nobody outside."""

from __future__ import annotations

import re

from front import Front
from houfu.app import routes
from houfu.http.openapi import openapi, problem_codes
from houfu.http.problem import KINDS


async def test_the_document_is_openapi_3_1_and_has_every_route(front: Front) -> None:
    response = await front.call("GET", "/openapi.json", caller=None)
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert document["openapi"].startswith("3.1.")
    described = {
        (method.upper(), address): operation["operationId"]
        for address, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {(route.method, route.address): route.operation for route in routes()}


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi(routes(), version="1")
    wanted = set(re.findall(r"#/components/schemas/([\w.]+)", str(document)))
    assert wanted <= set(document["components"]["schemas"])


def test_every_problem_code_is_answered_by_some_route_or_by_the_door() -> None:
    by_routes = {code for route in routes() for code in problem_codes(route)}
    assert set(KINDS) - by_routes == {"route_unknown", "method_not_allowed"}


async def test_the_documentation_page_is_whole_and_asks_nobody_outside(front: Front) -> None:
    page = await front.call("GET", "/docs", caller=None)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert linked
    for address in linked:
        assert address.startswith(("/docs/", "data:")), address
        if address.startswith("/"):
            file = await front.call("GET", address, caller=None)
            assert (file.status_code, file.headers["x-content-type-options"]) == (200, "nosniff")
    assert "http" not in re.sub(r"<!.*?>", "", page.text.replace("http-equiv", ""))


async def test_answers_carry_security_headers(front: Front) -> None:
    for address in ("/v1/stores", "/nowhere", "/healthz"):
        response = await front.call("GET", address)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
