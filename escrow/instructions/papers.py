"""The paper of an order: what the bank pays on, with the payee in full (拨付、退款、冲正、解除监管通知书)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import bureau_time
from config.settings import Settings
from escrow.access import audit
from escrow.access.models import Officer
from escrow.access.sealing import unseal
from escrow.errors import NotFound
from escrow.instructions.models import Instruction
from escrow.instructions.rules import PAPERS
from escrow.papers import in_words, pdf
from escrow.projects.models import Project
from escrow.supervision.models import SupervisedAccount

OPENING = "请自下列监管账户付款，并以本通知书为唯一依据。"
CLOSING = (
    "请按本通知书所载收款人、账号、金额一次付清，并按编号报回结果；"
    "未经书面变更，不得改付他人、改变金额或重复付款。逾有效期未付的，不得再付。"
)


def notice(session: Session, number: str, settings: Settings) -> bytes:
    """The PDF of one order, and a row that says who printed it (打印通知书). Raises NotFound, Unprintable."""
    query = (
        select(Instruction, SupervisedAccount, Project, Officer.full_name)
        .join(SupervisedAccount, SupervisedAccount.id == Instruction.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(Officer, Officer.id == Instruction.issued_by)
        .where(Instruction.instruction_no == number)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这件指令")
    instruction, account, project, issuer = row
    audit.record(session, "instruction.printed", number, account_no=account.account_no)
    return pdf("instructions/notice.typ", {
        "title": PAPERS[instruction.kind], "number": number,
        "addressee": f"{account.account_name}开户银行（银行代码 {account.bank_code}）",
        "opening": OPENING, "lines": _lines(instruction, account, project, settings), "closing": CLOSING,
        "issuer": issuer, "issued_at": f"{bureau_time(instruction.issued_at):%Y-%m-%d %H:%M:%S}",
    }, instruction.issued_at)  # fmt: skip


def _lines(
    instruction: Instruction, account: SupervisedAccount, project: Project, settings: Settings
) -> list[list[Any]]:
    return [
        ["项目", f"{project.name}（{project.project_no}）"],
        ["监管账户", f"{account.account_name}\n{account.account_no}"],
        ["收款人", unseal(instruction.payee_name_sealed, settings)],
        ["收款账号", unseal(instruction.payee_account_sealed, settings)],
        ["收款银行", instruction.payee_bank],
        ["金额（大写）", f"人民币{in_words(instruction.amount)}"],
        ["金额（小写）", f"¥ {instruction.amount}"],
        ["用途", instruction.purpose],
        ["有效期至", f"{instruction.expires_on:%Y-%m-%d}"],
    ]
