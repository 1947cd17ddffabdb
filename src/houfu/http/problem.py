"""Problem documents (RFC 9457): what went wrong with a request, in both languages, with a code that stays.

A problem is about the request or the service. A business "no" is none: it is a recorded outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import msgspec

from houfu.core.reason import Language
from houfu.http.reply import Header, Reply

MEDIA_TYPE: Final = b"application/problem+json"
_encode = msgspec.json.Encoder().encode


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: its place in the body (`items[3].amount`), or a parameter's name."""

    field: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer with a status of 400 or above."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldError, ...]
    detail_zh: str
    detail_en: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means: its status, both details, and after how many seconds to come back, if that helps."""

    status: int
    detail_zh: str
    detail_en: str
    retry_after: int | None = None


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "json_invalid": Kind(400, "请求内容不是有效的 JSON", "The body is not valid JSON"),
        "body_interrupted": Kind(400, "请求内容未完整送达", "The body did not arrive whole"),
        "idempotency_key_missing": Kind(
            400,
            "缺少 Idempotency-Key 请求头",
            "The header Idempotency-Key is missing: the call moves or reserves money",
        ),
        "idempotency_key_invalid": Kind(
            400,
            "Idempotency-Key 必须是 1 到 255 个可打印 ASCII 字符",
            "Idempotency-Key must be 1 to 255 printable ASCII characters",
        ),
        "key_missing": Kind(
            401,
            "缺少 API 密钥,请使用 Authorization: Bearer <密钥>",
            "No API key: send Authorization: Bearer <key>",
        ),
        "key_unknown": Kind(401, "API 密钥无效或已被吊销", "The API key is unknown or revoked"),
        "role_not_allowed": Kind(403, "该密钥的角色无权执行此操作", "The key's role may not do this"),
        "store_not_yours": Kind(403, "商家密钥只能访问本店铺", "A merchant's key reaches its own store only"),
        "route_unknown": Kind(404, "没有这个地址", "There is nothing at this address"),
        "store_unknown": Kind(404, "店铺不存在", "There is no such store"),
        "line_unknown": Kind(404, "该店铺没有额度", "The store has no line: it was never assessed"),
        "referral_unknown": Kind(
            404, "该店铺没有待复核的评估", "No decision of the store waits for a person"
        ),
        "authorization_unknown": Kind(404, "授权不存在", "There is no such authorization"),
        "fee_unknown": Kind(404, "该提现被拒绝,没有手续费", "The withdrawal was refused: it has no fee"),
        "withdrawal_unknown": Kind(404, "提现不存在", "There is no such withdrawal"),
        "review_unknown": Kind(404, "审核不存在", "There is no such review"),
        "bank_account_unknown": Kind(404, "该店铺没有此收款银行账户", "The store has no such bank account"),
        "statement_unknown": Kind(
            404, "该店铺没有这个月的月结单", "The store has no statement of that month"
        ),
        "policy_unknown": Kind(404, "没有这个政策版本", "Nobody proposed that policy version"),
        "calendar_unknown": Kind(
            404,
            "没有这个日历:应为 cn 或国家代码(如 DE、DE-BY)",
            "There is no such calendar: it is cn, or the ISO code of a country or of a part, such as DE or DE-BY",
        ),
        "bank_statement_unknown": Kind(404, "该通道当日没有对账单", "The rail has no statement of that day"),
        "break_unknown": Kind(404, "没有这笔差异", "There is no such break"),
        "sandbox_off": Kind(
            404, "该服务不是沙箱,时钟不可调整", "The service is no sandbox: its clock cannot be moved"
        ),
        "method_not_allowed": Kind(405, "该地址不支持此方法", "The address does not take this method"),
        "idempotency_key_in_use": Kind(
            409,
            "使用该 Idempotency-Key 的请求仍在处理中",
            "The first request with this Idempotency-Key is still running",
            1,
        ),
        "line_status_unfit": Kind(
            409,
            "额度当前状态不支持此操作",
            "The line's status does not allow this: see GET /v1/stores/{store_id}/line",
        ),
        "review_decided": Kind(409, "该审核已有结论", "The review was decided before"),
        "policy_version_taken": Kind(
            409,
            "该版本号已用于其他内容或其他生效日期,请使用新的版本号",
            "That version has another content or another date: give yours a new number",
        ),
        "policy_own_proposal": Kind(
            409, "提交人不能批准自己提交的版本", "Whoever proposed it may not approve it: another key does"
        ),
        "payout_batch_unknown": Kind(404, "付款批次不存在", "There is no such payout batch"),
        "payout_file_unknown": Kind(404, "付款文件不存在", "There is no such payout file"),
        "payout_batch_own": Kind(
            409,
            "制单人不能复核自己的批次",
            "Whoever made the batch may not decide about it: another key does",
        ),
        "payout_batch_decided": Kind(
            409, "该批次已被他人复核", "The batch was decided about before, otherwise or by another"
        ),
        "policy_moment_taken": Kind(
            409, "另一版本在同一时刻生效", "Another version comes into force at that very moment"
        ),
        "break_status_unfit": Kind(
            409,
            "差异当前状态不支持此操作",
            "The break's status does not allow this: see GET /v1/breaks/{break_id}",
        ),
        "break_own_proposal": Kind(
            409,
            "提出人不能关闭自己提出的差异",
            "Whoever proposed how to close the break may not close it: another key does",
        ),
        "body_too_large": Kind(413, "请求内容超过 1 MB", "The body is over 1 MB"),
        "media_type_unsupported": Kind(415, "请求内容必须是 JSON", "The body must be JSON"),
        "input_invalid": Kind(422, "请求内容有误", "The request says something it cannot say"),
        "idempotency_key_reused": Kind(
            422,
            "该 Idempotency-Key 已用于另一个请求",
            "This Idempotency-Key came before with another request",
        ),
        "inputs_missing": Kind(
            422, "评估所需数据不完整", "The assessment lacks figures of the store: file its metrics first"
        ),
        "policy_invalid": Kind(
            422,
            "政策文件有误,errors 列出每一处的行列",
            "The policy cannot be used: errors has every fault by line and column",
        ),
        "export_too_long": Kind(
            422,
            "超过 20,000 行,无法生成 PDF,请缩小范围或改用 format=csv",
            "Over 20,000 rows are too many for a PDF: choose fewer, or ask for format=csv",
        ),
        "clock_goes_back": Kind(422, "时钟只能向前调整", "The clock does not go back"),
        "busy": Kind(429, "请求过多,请稍后重试", "Too much at once: come back shortly", 1),
        "internal": Kind(
            500, "内部错误,请联系运维并提供 request_id", "A fault of ours: report it with the request_id"
        ),
        "unavailable": Kind(
            503,
            "服务暂不可用,请使用相同的 Idempotency-Key 重试",
            "The database is away: repeat the request with the same Idempotency-Key",
            2,
        ),
    }
)
"""Every code. Part of the interface: documented, never renamed, never reused."""


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self, code: str, errors: tuple[FieldError, ...] = (), *, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(code)
        self.kind = KINDS[code]
        self.code = code
        self.errors = errors
        self.headers = headers


def invalid(field: str, message: str) -> Problem:
    """A request whose `field` cannot be taken."""
    return Problem("input_invalid", (FieldError(field, message),))


def document(problem: Problem, *, request_id: str, language: Language) -> ProblemDocument:
    """The problem as the caller reads it."""
    kind = problem.kind
    return ProblemDocument(
        type=f"urn:houfu:problem:{problem.code}",
        title=HTTPStatus(kind.status).phrase,
        status=kind.status,
        detail=kind.detail_en if language == "en" else kind.detail_zh,
        code=problem.code,
        request_id=request_id,
        errors=problem.errors,
        detail_zh=kind.detail_zh,
        detail_en=kind.detail_en,
    )


def rendered(problem: Problem, *, request_id: str, language: Language) -> Reply:
    """The reply that carries the problem."""
    headers = list(problem.headers)
    if problem.kind.retry_after is not None:
        headers.append((b"retry-after", b"%d" % problem.kind.retry_after))
    if problem.kind.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="houfu"'))
    return Reply(
        problem.kind.status,
        _encode(document(problem, request_id=request_id, language=language)),
        (*headers, (b"x-request-id", request_id.encode())),
        media_type=MEDIA_TYPE,
    )
