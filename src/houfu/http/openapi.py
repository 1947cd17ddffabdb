"""The OpenAPI 3.1 document, made from the routes: what is decoded is what is described."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_type_hints

import msgspec

from houfu.http.fields import Nothing
from houfu.http.problem import KINDS, ProblemDocument
from houfu.http.route import AnyRoute

_REF: Final = "#/components/schemas/{name}"
_PROBLEM_TYPE: Final = "application/problem+json"

_ANY: Final = frozenset({"unavailable", "internal"})
_WITH_KEY: Final = frozenset({"key_missing", "key_unknown", "role_not_allowed", "store_not_yours"})
_WITH_BODY: Final = frozenset(
    {"json_invalid", "body_interrupted", "body_too_large", "media_type_unsupported"}
)
_WITH_IDEMPOTENCY: Final = frozenset(
    {"idempotency_key_invalid", "idempotency_key_reused", "idempotency_key_in_use"}
)

_ABOUT: Final = """\
Pay-later for a marketplace: buyers take goods now and pay later, stores get limits and their money.

Money is whole minor units (`amount`) beside `currency`; no number here is a float. Times are RFC 3339, answered in UTC
(`Z`); dates and months are local to the programme. A business "no" is no error: it answers 200 with `status` "refused",
`reason`, `message` and `remedy`, in Chinese or, asked for by `Accept-Language: en`, in English. Errors are problem
documents (RFC 9457) with a `code` that never changes its meaning.
"""


def openapi(routes: Sequence[AnyRoute], *, version: str) -> dict[str, Any]:
    """The document that describes the routes."""
    types: list[Any] = [ProblemDocument]
    for route in routes:
        types += [t for t in (route.body, *route.answers.values()) if t is not Nothing]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.address, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Houfu",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "api_key": {"type": "http", "scheme": "bearer", "description": "An API key."}
            },
        },
    }


def problem_codes(route: AnyRoute) -> frozenset[str]:
    """Every problem code the route can answer with."""
    codes = _ANY | frozenset(route.raises.values()) | route.problems
    if not route.public:
        codes |= _WITH_KEY
    if route.method != "GET":
        codes |= _WITH_BODY
    if route.path is not Nothing or route.query is not Nothing or route.method != "GET":
        codes |= {"input_invalid"}
    if route.key != "none":
        codes |= _WITH_IDEMPOTENCY
    if route.key == "required":
        codes |= {"idempotency_key_missing"}
    if route.hot:
        codes |= {"busy"}
    return codes


def _operation(route: AnyRoute, by_type: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *_parameters(route.path, "path"),
            *_parameters(route.query, "query"),
            *_headers(route),
        ],
        "responses": _responses(route, by_type),
    }
    if route.public:
        made["security"] = []
    else:
        made["description"] = "Roles: " + ", ".join(sorted(route.roles)) + "."
    if route.method != "GET" and route.body is not Nothing:
        required = any(field.required for field in msgspec.structs.fields(route.body))
        made["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": by_type[repr(route.body)]}},
        }
    return made


def _parameters(struct: type[msgspec.Struct], place: str) -> list[dict[str, Any]]:
    hints = get_type_hints(struct, include_extras=True)
    made: list[dict[str, Any]] = []
    for field in msgspec.structs.fields(struct):
        schema = dict(msgspec.json.schema(hints[field.name]))
        if "anyOf" in schema:  # a parameter is absent, never null
            schema = next(dict(one) for one in schema["anyOf"] if one.get("type") != "null")
        if not field.required and field.default is not None:
            schema["default"] = field.default
        parameter: dict[str, Any] = {
            "name": field.name,
            "in": place,
            "required": field.required,
            "schema": schema,
        }
        if "description" in schema:
            parameter["description"] = schema.pop("description")
        made.append(parameter)
    return made


def _headers(route: AnyRoute) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if route.key != "none":
        made.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": route.key == "required",
                "description": "Names the request: whoever repeats it with this key gets the first answer again.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                },
            }
        )
    made.append(
        {
            "name": "Accept-Language",
            "in": "header",
            "required": False,
            "description": "The language of messages.",
            "schema": {"type": "string", "default": "zh-CN", "examples": ["zh-CN", "en"]},
        }
    )
    return made


def _responses(route: AnyRoute, by_type: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for status, answer in sorted(route.answers.items()):
        made[str(status)] = {
            "description": "Done" if status == 201 else "OK",
            "content": {"application/json": {"schema": by_type[repr(answer)]}},
        }
        if route.key != "none":
            made[str(status)]["headers"] = {
                "Idempotent-Replayed": {
                    "description": "`true` where the first answer is given again.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            }
    if route.files:
        made.setdefault("200", {"description": "OK", "content": {}})["content"].update(
            {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in route.files}
        )
    by_status: dict[int, list[str]] = {}
    for code in sorted(problem_codes(route)):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        made[str(status)] = _problem(codes, by_type)
    return made


def _problem(codes: Sequence[str], by_type: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {KINDS[code].detail_en}" for code in codes),
        "content": {_PROBLEM_TYPE: {"schema": by_type[repr(ProblemDocument)]}},
    }
    headers: dict[str, Any] = {}
    if any(KINDS[code].retry_after is not None for code in codes):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    if any(KINDS[code].status == 401 for code in codes):
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    if headers:
        made["headers"] = headers
    return made
