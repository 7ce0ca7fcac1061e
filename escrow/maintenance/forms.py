"""Forms of the fund's pages (维修资金表单)."""

from typing import Any

from wtforms import Form

from escrow.fields import ACCOUNT_NO_PATTERN, KEY_PATTERN, REGION_PATTERN, ReadField, read_text
from escrow.maintenance.actions import AskedAccount


class AccountForm(Form):
    """A fund account as the bank's paper has it (专户开立资料)."""

    account_no = ReadField("账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    account_name = ReadField("户名", lambda said: read_text(said, 100))
    bank_code = ReadField("银行代码", lambda said: read_text(said, 32, KEY_PATTERN))
    region = ReadField("县级行政区划代码", lambda said: read_text(said, 6, REGION_PATTERN))
    document_no = ReadField("开户依据文号", lambda said: read_text(said, 64))

    def asked(self) -> AskedAccount:
        """What was typed (所录)."""
        told: dict[str, Any] = self.data
        return AskedAccount(**told)


class BatchForm(Form):
    """Where a project's houses are built (建账去向)."""

    fund_id = ReadField("维修资金专户", lambda said: int(read_text(said, 9, r"^[0-9]{1,9}$")))
    community_name = ReadField("小区名称", lambda said: read_text(said, 100))
