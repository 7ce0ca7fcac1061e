"""Forms of houses' changes (分户账事项表单)."""

from typing import Any

from wtforms import Form, SelectField
from wtforms.fields.choices import SelectChoice

from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    KEY_PATTERN,
    UNIT_CODE_PATTERN,
    ReadField,
    read_area,
    read_day,
    read_money,
    read_text,
)
from escrow.forms import DigestField
from escrow.houses.actions import Paper, Receiver
from escrow.houses.owner_rules import OWNER_KINDS, OwnerKind
from ledger.money import ZERO, Yuan


def read_share(said: str) -> Yuan:
    """An amount that may be nothing (金额，可为零)."""
    return ZERO if said in ("0", "0.00") else read_money(said)


class PaperForm(Form):
    """What a change stands on (依据)."""

    document_no = ReadField("依据文号", lambda said: read_text(said, 64))
    file_hash = DigestField("依据材料")
    note = ReadField("情况说明", lambda said: read_text(said, 200))

    def paper(self) -> Paper:
        """The paper (依据)."""
        told: dict[str, Any] = self.data
        return Paper(told["document_no"], told["file_hash"], told["note"])


class AreaForm(PaperForm):
    """A corrected area (面积更正)."""

    area = ReadField("更正后面积（平方米）", read_area)


class MisplacedForm(PaperForm):
    """A deposit that went to the wrong house (串户更正)."""

    receipt_no = ReadField("入账编号", lambda said: read_text(said, 64, KEY_PATTERN))
    other_code = ReadField("应入的房屋编码", lambda said: read_text(said.upper(), 28, UNIT_CODE_PATTERN))


class RenewalForm(PaperForm):
    """A bank's line that renews a fund (续交)."""

    document_no = ReadField("银行流水号", lambda said: read_text(said, 64, KEY_PATTERN))
    amount = ReadField("续交金额（元）", read_money)
    value_date = ReadField("起息日", read_day)


class LossForm(PaperForm):
    """A lost house, and who is to have its fund (灭失返还)."""

    seller_amount = ReadField("其中属售房单位（元）", read_share)
    owner_name = ReadField("业主收款人", lambda said: read_text(said, 100), optional=True)
    owner_account = ReadField("业主收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN), optional=True)
    owner_bank = ReadField("业主开户银行", lambda said: read_text(said, 100), optional=True)
    seller_name = ReadField("售房单位", lambda said: read_text(said, 100), optional=True)
    seller_account = ReadField("售房单位账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN), optional=True)
    seller_bank = ReadField("售房单位开户银行", lambda said: read_text(said, 100), optional=True)

    def receiver(self, part: str) -> Receiver | None:
        """Who is paid, where all of it is said (收款人)."""
        told: dict[str, Any] = self.data
        said = [told[f"{part}_{one}"] for one in ("name", "account", "bank")]
        return Receiver(*said) if all(said) else None


class OwnerForm(Form):
    """Who owns the house now (业主变更)."""

    kind = SelectField(
        "事由",
        choices=[
            SelectChoice(one.value, OWNER_KINDS[one]) for one in (OwnerKind.TRANSFER, OwnerKind.CORRECTION)
        ],
        default=OwnerKind.TRANSFER.value,
    )
    from_day = ReadField("登记日", read_day)
    certificate_no = ReadField("不动产权证号", lambda said: read_text(said, 64))
    names = ReadField("业主姓名", lambda said: read_text(said, 400))
    numbers = ReadField("证件号码", lambda said: read_text(said, 400))
    file_hash = DigestField("登记材料")
