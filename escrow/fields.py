"""The words other systems may use: strict fields for JSON doors and page forms alike (字段格式)."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError as NumberError
from wtforms import StringField
from wtforms.validators import ValidationError as FormError

from ledger.money import ZERO, InvalidAmount, Yuan

MONEY_PATTERN = r"^(0|[1-9][0-9]{0,11})\.[0-9]{2}$"
MONEY_MAX = Yuan("100000000000.00")
AREA_PATTERN = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,2})?$"
DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
INSTANT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
DAY_RANGE = (date(1990, 1, 1), date(2100, 12, 31))
UNIT_CODE_PATTERN = r"^[0-9]{12}[A-Z]{2}[0-9]{5}[FLQW][0-9A-Z]{8}$"
USCC_PATTERN = r"^[0-9A-HJ-NP-RTUW-Y]{18}$"
DIGEST_PATTERN = r"^[0-9a-f]{64}$"
KEY_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._:/-]{0,63}$"
ACCOUNT_NO_PATTERN = r"^[0-9]{8,32}$"
RATIO_PATTERN = r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"
REGION_PATTERN = r"^[0-9]{6}$"


def problem_in_text(text: str) -> str | None:
    """Why a text may not enter the database: NUL, control characters, lone surrogates (不可接受的字符)."""
    for character in "" if text.isprintable() else text:
        if (kind := unicodedata.category(character)) == "Cs":
            return "含有不成对的代理字符。"
        if kind in ("Cc", "Cf", "Zl", "Zp"):
            return "含有控制字符或不可见字符。"
    return None


# --- readers: one strict reading of a text for JSON, forms and files; ValueError says why ---


def read_text(text: str, longest: int, pattern: str | None = None) -> str:
    """A text of 1 to `longest` characters, no blanks at its ends (文本)."""
    if found := problem_in_text(text):
        raise ValueError(found)
    if not 1 <= len(text) <= longest:
        raise ValueError(f"长度须在 1 至 {longest} 之间。")
    if text != text.strip():
        raise ValueError("首尾不能有空白。")
    if pattern and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text, re.ASCII):
        raise ValueError("格式不正确。")
    return text


def read_money(text: str) -> Yuan:
    """More than 0.00 and at most one hundred thousand million yuan (金额)."""
    try:
        amount = Yuan.parse(text)
    except InvalidAmount:
        raise ValueError("金额须为两位小数的元，如 350000.00。") from None
    if not ZERO < amount <= MONEY_MAX:
        raise ValueError("金额须大于 0.00，且不超过 100000000000.00。")
    return amount


def read_day(text: str) -> date:
    """A bureau calendar day that exists (日期)."""
    try:
        day = date.fromisoformat(read_text(text, 10, DAY_PATTERN))
    except ValueError:
        raise ValueError("日期须为存在的 YYYY-MM-DD。") from None
    if not DAY_RANGE[0] <= day <= DAY_RANGE[1]:
        raise ValueError("日期须在 1990-01-01 至 2100-12-31 之间。")
    return day


def read_instant(text: str) -> datetime:
    """An RFC 3339 instant with its offset, as UTC (时刻)."""
    try:
        instant = datetime.fromisoformat(read_text(text, 40, INSTANT_PATTERN).upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("时刻须为带时区的 RFC 3339 格式，如 2026-11-20T10:12:03+08:00。") from None
    if not DAY_RANGE[0] <= instant.date() <= DAY_RANGE[1]:
        raise ValueError("时刻须在 1990 年至 2100 年之间。")
    return instant


def read_uscc(text: str) -> str:
    """An 18-character USCC with a valid check character (统一社会信用代码, GB 32100)."""
    read_text(text, 18, USCC_PATTERN)
    try:
        uscc.validate(text)
    except NumberError:
        raise ValueError("统一社会信用代码校验不通过。") from None
    return text


def read_resident_id(text: str) -> str:
    """Length, birth date and check character only; county codes change over the years (身份证号, GB 11643)."""
    read_text(text, 18, r"^[0-9]{17}[0-9X]$")
    try:
        born = ric.get_birth_date(text)
        well_checked = ric.calc_check_digit(text) == text[-1]
    except NumberError:
        raise ValueError("身份证号中的出生日期不存在。") from None
    if not well_checked or born < date(1800, 1, 1):
        raise ValueError("身份证号校验不通过。")
    return text


def read_area(text: str) -> Decimal:
    """Square metres with at most two decimals, more than zero (面积)."""
    area = Decimal(read_text(text, 9, AREA_PATTERN))
    if area <= 0:
        raise ValueError("面积须大于零。")
    return area.quantize(Decimal("0.01"))


def read_ratio(text: str) -> Decimal:
    """A share of the whole: 0 to 1 with at most four decimals (比例)."""
    return Decimal(read_text(text, 6, RATIO_PATTERN))


# --- marshmallow: JSON bodies ---


class StrictSchema(Schema):
    """A request body: unknown fields are refused, so that a misspelt one is never ignored (严格报文)."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "未知字段。", "type": "应为 JSON 对象。"}  # noqa: RUF012 - marshmallow's own

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        array = {"invalid": "应为数组。"} if isinstance(field_obj, fields.List) else {}
        field_obj.error_messages |= {"required": "必填。", "null": "不能为 null。", **array}


class Read(fields.Field[Any]):
    """A JSON string read by one of the readers above; anything but a string is refused (严格字段)."""

    default_error_messages = {"invalid": "应为字符串。"}  # noqa: RUF012 - marshmallow's own

    def __init__(self, reader: Callable[[str], Any], schema: dict[str, Any], **kwargs: Any) -> None:
        self.reader = reader
        super().__init__(metadata={"type": "string", **schema, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return self.reader(value)
        except ValueError as problem:
            raise ValidationError(str(problem)) from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else str(value)


def text(longest: int, pattern: str | None = None, **kwargs: Any) -> Read:
    """A text field (文本)."""
    schema: dict[str, Any] = {"minLength": 1, "maxLength": longest}
    if pattern:
        schema["pattern"] = pattern
    return Read(lambda value: read_text(value, longest, pattern), schema, **kwargs)


def money(**kwargs: Any) -> Read:
    """An amount field in yuan (金额); in JSON a string with exactly two decimals."""
    return Read(read_money, {"pattern": MONEY_PATTERN, "not": {"const": "0.00"}}, **kwargs)


def day(**kwargs: Any) -> Read:
    """A bureau day field (日期)."""
    return Read(read_day, {"format": "date"}, **kwargs)


def instant(**kwargs: Any) -> Read:
    """An instant field (时刻)."""
    return Read(read_instant, {"format": "date-time"}, **kwargs)


def unit_code(**kwargs: Any) -> Read:
    """A 28-character real-estate unit code (不动产单元代码, GB/T 37346)."""
    return text(28, UNIT_CODE_PATTERN, **kwargs)


def developer_id(**kwargs: Any) -> Read:
    """A unified social credit code (统一社会信用代码)."""
    return Read(read_uscc, {"pattern": USCC_PATTERN}, **kwargs)


def key(**kwargs: Any) -> Read:
    """A number given by another system: contract, event, request, serial (业务号)."""
    return text(64, KEY_PATTERN, **kwargs)


class Measure(Read):
    """A measured decimal: exact text, or a JSON number that is a whole multiple of its smallest part (量)."""

    def __init__(
        self, reader: Callable[[str], Any], part: Decimal, schema: dict[str, Any], **kwargs: Any
    ) -> None:
        self.part = part
        super().__init__(
            reader, {"type": ["string", "number"], "multipleOf": float(part), **schema}, **kwargs
        )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**6:
            exact = Decimal(repr(value))
            whole = exact.quantize(self.part)
            # 57 × 0.01 is 0.5700000000000001 to a machine: the same measure.
            value = str(whole) if abs(exact - whole) < Decimal("1e-9") else str(exact)
        return super()._deserialize(value, attr, data, **kwargs)


def area(**kwargs: Any) -> Measure:
    """An area field in square metres (面积)."""
    schema = {"pattern": AREA_PATTERN, "minimum": 0.01, "maximum": 999999.99}
    return Measure(read_area, Decimal("0.01"), {**schema, "not": {"enum": ["0", "0.0", "0.00"]}}, **kwargs)


def ratio(**kwargs: Any) -> Measure:
    """A share of the whole (比例)."""
    schema = {"pattern": RATIO_PATTERN, "minimum": 0, "maximum": 1}
    return Measure(read_ratio, Decimal("0.0001"), schema, **kwargs)


class Whole(fields.Field[int]):
    """A whole JSON number within bounds; no text, no fraction, no truth value (整数)."""

    def __init__(self, lowest: int, highest: int, **kwargs: Any) -> None:
        self.bounds = (lowest, highest)
        super().__init__(metadata={"type": "integer", "minimum": lowest, "maximum": highest}, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        lowest, highest = self.bounds
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValidationError(f"须为 {lowest} 至 {highest} 的整数。")
        return value


def choice(term: Any, **kwargs: Any) -> Read:
    """One of a term's values (枚举)."""
    values = [member.value for member in term]

    def read(value: str) -> Any:
        if value not in values:
            raise ValueError("须为 " + "、".join(values) + " 之一。")
        return term(value)

    return Read(read, {"enum": values}, **kwargs)


# --- WTForms: page forms, read by the same readers ---


class ReadField(StringField):
    """A form input read by one of the readers above; `data` is the value, blank only where allowed (表单字段)."""

    def __init__(
        self, label: str, reader: Callable[[str], Any], *, optional: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(label, **kwargs)
        self.reader = reader
        self.optional = optional
        self.typed = ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.typed = valuelist[0].strip() if valuelist else ""
        self.data = None

    def pre_validate(self, form: Any) -> None:
        if not self.typed:
            if self.optional:
                return
            raise FormError("必填。")
        try:
            self.data = self.reader(self.typed)
        except ValueError as problem:
            raise FormError(str(problem)) from None

    def _value(self) -> str:
        return self.typed
