"""What can go wrong in the house, said so that a clerk understands it (业务错误)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason a rule says no, with the article it stands on (不予办理的理由及依据)."""

    code: str
    message: str
    citation: str


class EscrowError(Exception):
    """The family of errors a door answers with a problem body (业务错误族)."""

    code: str = "escrow-error"
    label: str = "业务办理失败"
    status: int = 400

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.label
        super().__init__(self.detail)


class Malformed(EscrowError):
    """The request cannot be read at all (报文格式错误)."""

    code, label, status = "malformed", "报文无法识别，请检查格式与编码", 400


class Unauthorized(EscrowError):
    """No token, or one that is no longer good (未认证)."""

    code, label, status = "unauthorized", "缺少访问令牌，或令牌已失效", 401


class Forbidden(EscrowError):
    """The caller is known but may not do this (无权办理)."""

    code, label, status = "forbidden", "当前身份无权办理此项业务", 403


class NotFound(EscrowError):
    """Not there, or not the caller's to see (不存在或不属于调用方)."""

    code, label, status = "not-found", "没有找到，或不属于您可查询的范围", 404


class KeyReused(EscrowError):
    """The same key came again with other facts (同一业务号，内容不同)."""

    code, label, status = "key-reused", "同一业务号已用于内容不同的请求，请核对后使用新的业务号", 409


class Refused(EscrowError):
    """A rule said no; every reason is listed (依规不予办理)."""

    code, label, status = "refused", "依规定不予办理，理由见 refusals", 409

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = list(refusals)
        super().__init__("；".join(refusal.message for refusal in self.refusals))


class Invalid(EscrowError):
    """Well-formed but not acceptable; each field says why (字段不符合要求)."""

    code, label, status = "invalid", "有字段不符合要求，请按 errors 逐项更正", 422

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__()


class TooMany(EscrowError):
    """The caller asks too often (请求过于频繁)."""

    code, label, status = "too-many", "请求过于频繁，请稍后再试", 429


class Busy(EscrowError):
    """The database is away or crowded; whether it took the step is not always known (系统繁忙).

    Asked again as it stood, the step is taken once: no more may be promised where a COMMIT got no answer.
    """

    code, label, status = "busy", "系统繁忙，请稍后原样重试；本次若已办成，不会再办一次", 503
