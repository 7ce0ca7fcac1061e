"""What the books refuse, one error per fact (账簿拒绝的事)."""

from typing import ClassVar


class LedgerError(Exception):
    """The family of refusals by the books (账簿错误族)."""

    code: ClassVar[str] = "ledger-error"
    label: ClassVar[str] = "账簿拒绝了这笔记账"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.label
        super().__init__(self.detail)


class AccountBelowFloor(LedgerError):
    """The posting would take an account below its floor (余额不足)."""

    code, label = "account-below-floor", "科目余额不足，不得记账"


class ReferenceReused(LedgerError):
    """The reference was already booked (凭证来源号重复)."""

    code, label = "reference-reused", "同一来源号已经记账，不得重复"


class AlreadyReversed(LedgerError):
    """The entry was already reversed (已冲正)."""

    code, label = "already-reversed", "该凭证已经冲正，不得再次冲正"


class AlreadySettled(LedgerError):
    """The hold was already settled (占用已了结)."""

    code, label = "already-settled", "该占用已经了结，不得再次了结"


class DayClosed(LedgerError):
    """The effective day is closed (已日结)."""

    code, label = "day-closed", "该日已经日结，不得记入"


class MovementNotAllowed(LedgerError):
    """The movement has no such route (去向不允许)."""

    code, label = "movement-not-allowed", "该业务不允许这样的借贷去向"


class WrongBook(LedgerError):
    """An account of another book (跨账套)."""

    code, label = "wrong-book", "借贷双方须在同一账套"


class UnknownAccount(LedgerError):
    """A posting names an account that does not exist (科目不存在)."""

    code, label = "unknown-account", "没有这个科目"


class OpenedOtherwise(LedgerError):
    """The account exists with another side or floor (科目已另行开立)."""

    code, label = "opened-otherwise", "该科目已按另一方向或下限开立"


class NotAMirror(LedgerError):
    """A reversal is not the exact mirror of its entry, or its entry is a reversal itself (冲正不符)."""

    code, label = "not-a-mirror", "冲正须与原凭证借贷相反、金额相同，冲正凭证不得再冲正"


class DayOutOfOrder(LedgerError):
    """A later day of the book is closed already (日结次序)."""

    code, label = "day-out-of-order", "更晚的一天已经日结"


class DayNotClosed(LedgerError):
    """A root is made of closed days and sealed entries only (未日结)."""

    code, label = "day-not-closed", "该日尚未日结或尚无封存，不能出具日结根"


class SealsOutOfStep(LedgerError):
    """Transaction ids went back behind the last seal: a logical restore (事务号倒退)."""

    code, label = "seals-out-of-step", "事务号早于最近一次封存，须先推进事务号再封存"


class InvalidPosting(LedgerError):
    """The database found the posting malformed: no transfer, amount not positive,
    same account twice (分录不合规)."""

    code, label = "invalid-posting", "分录不合规：须有分录、金额大于零、借贷不同户"


class UnknownEntry(LedgerError):
    """No such entry (凭证不存在)."""

    code, label = "unknown-entry", "没有这张凭证"
