"""What officers fill in about holds, guarantees and takeovers (冻结、保函与接管的表单)."""

from collections.abc import Callable

from wtforms import Form

from escrow.fields import KEY_PATTERN, ReadField, read_day, read_money, read_text
from escrow.forms import DigestField
from escrow.supervision.court_holds import Document


def _line(longest: int) -> Callable[[str], str]:
    return lambda said: read_text(said, longest)


class DocumentForm(Form):
    """A court's document (司法文书)."""

    document_no = ReadField("文书号", _line(100))
    dated_on = ReadField("文书日期（YYYY-MM-DD）", read_day)
    file_hash = DigestField("文书文件")

    def document(self) -> Document:
        """What was served."""
        return Document(**{name: self.data[name] for name in ("document_no", "dated_on", "file_hash")})


class FreezeForm(DocumentForm):
    """A freeze (冻结登记)."""

    court = ReadField("法院", _line(100))
    amount = ReadField("冻结金额（元，全额冻结留空）", read_money, optional=True)
    held_from = ReadField("冻结起期（YYYY-MM-DD）", read_day)
    held_until = ReadField("冻结止期（YYYY-MM-DD）", read_day)


class ExtendForm(DocumentForm):
    """An extension (续冻登记)."""

    held_until = ReadField("新的止期（YYYY-MM-DD）", read_day)


class DeductForm(DocumentForm):
    """A deduction (扣划录入)."""

    building_no = ReadField("楼幢", _line(32))
    amount = ReadField("扣划金额（元）", read_money)
    consent_no = ReadField("本局答复文号", _line(100))
    bank_serial = ReadField("银行流水号", lambda said: read_text(said, 64, KEY_PATTERN))


class GuaranteeForm(Form):
    """A guarantee (录入保函)."""

    building_no = ReadField("楼幢", _line(32))
    guarantee_no = ReadField("保函编号", _line(64))
    issuer = ReadField("出具银行", _line(100))
    amount = ReadField("金额（元）", read_money)
    valid_until = ReadField("有效期至（YYYY-MM-DD）", read_day)
    file_hash = DigestField("保函文件")


class TakeoverForm(Form):
    """A takeover (录入接管)."""

    order_no = ReadField("接管决定文号", _line(100))
    grounds = ReadField("事由", _line(200))
    file_hash = DigestField("决定文件")
