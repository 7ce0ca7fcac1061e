"""One entry of a camt.053 as the lines it stands for: itself, or the payments of a batch (分录)."""

from datetime import date, datetime, time

from config.clock import BUREAU
from escrow.fields import KEY_PATTERN, read_text
from escrow.statements.rules import Direction, Line
from escrow.statements.words import plain, read_line_fen

DETAILS = "NtryDtls/TxDtls/"
# A batch of more payments than this stays one line.
MOST_PAYMENTS = 10_001
SIDES = {"CRDT": Direction.CREDIT.value, "DBIT": Direction.DEBIT.value}
NOTES = ("NtryDtls/TxDtls/RmtInf/Ustrd", "NtryDtls/TxDtls/Refs/EndToEndId", "NtryDtls/TxDtls/Refs/InstrId")


def line_of(no: int, entry: dict[str, str], notes: list[str]) -> Line:
    """One entry, whatever its version; ValueError says what is wrong with it."""
    if (status := status_of(entry)) != "BOOK":
        raise ValueError(f"状态 {status or '未写'}，对账单只列已记账（BOOK）的分录")
    side = SIDES.get(entry.get("CdtDbtInd", ""))
    if side is None:
        raise ValueError("没有写明收付方向（CdtDbtInd）")
    fen = read_line_fen(entry.get("Amt", ""))
    serial = entry.get("AcctSvcrRef") or entry.get(DETAILS + "Refs/AcctSvcrRef") or entry.get("NtryRef", "")
    party = f"{DETAILS}RltdPties/{'Dbtr' if side == Direction.CREDIT else 'Cdtr'}"
    booked_at = instant_of(entry, "BookgDt")
    value_at = instant_of(entry, "ValDt") if "ValDt/Dt" in entry or "ValDt/DtTm" in entry else booked_at
    if extra := entry.get("AddtlNtryInf"):
        notes = [*notes, extra]
    return Line(
        no, read_text(serial, 64, KEY_PATTERN), side, fen, value_at.date(), booked_at,
        plain(entry.get(party + "/Pty/Nm") or entry.get(party + "/Nm", ""), 140),
        plain(entry.get(party + "Acct/Id/Othr/Id") or entry.get(party + "Acct/Id/IBAN", ""), 64),
        plain(" ".join(dict.fromkeys(notes)), 500),
    )  # fmt: skip


def status_of(entry: dict[str, str]) -> str:
    """Whether it is booked, in the words of either version (分录状态)."""
    return entry.get("Sts/Cd") or entry.get("Sts", "")


def payments_of(whole: Line, entry: dict[str, str], details: list[dict[str, str]]) -> list[Line]:
    """The single payments of a batch entry, where each has a serial of its own and they come to the whole.

    Otherwise nothing: the entry is one line, as it stands (批量入账拆分).
    """
    if len(details) < 2 or len(details) == MOST_PAYMENTS or any("foreign" in one for one in details):
        return []
    parts = [(one.get(DETAILS + "Refs/AcctSvcrRef", ""), _own_amount(one)) for one in details]
    serials = {serial for serial, _ in parts}
    ways = {one.get(DETAILS + "CdtDbtInd", entry["CdtDbtInd"]) for one in details}
    if "" in serials or len(serials) < len(parts) or ways != {entry["CdtDbtInd"]}:
        return []
    if any(fen is None for _, fen in parts) or sum(fen or 0 for _, fen in parts) != whole.fen:
        return []
    shared = {part: text for part, text in entry.items() if not part.startswith("NtryDtls/")}
    found = []
    for no, (one, (serial, fen)) in enumerate(zip(details, parts, strict=True), whole.no):
        own = {**shared, **one, "AcctSvcrRef": serial, "Amt": f"{(fen or 0) // 100}.{(fen or 0) % 100:02d}"}
        notes = [one[part] for part in NOTES if one.get(part, "NOTPROVIDED") != "NOTPROVIDED"]
        found.append(line_of(no, own, notes))
    return found


def _own_amount(detail: dict[str, str]) -> int | None:
    """What one payment of a batch came to, None where it does not say (单笔金额)."""
    said = detail.get(DETAILS + "Amt") or detail.get(DETAILS + "AmtDtls/TxAmt/Amt", "")
    try:
        return read_line_fen(said)
    except ValueError:
        return None


def instant_of(found: dict[str, str], part: str) -> datetime:
    """A booking or value date as an instant on the bureau's clock."""
    try:
        if text := found.get(part + "/Dt"):
            return datetime.combine(date.fromisoformat(text[:10]), time(0), BUREAU)
        told = datetime.fromisoformat(found[part + "/DtTm"])
        return told.replace(tzinfo=BUREAU) if told.tzinfo is None else told.astimezone(BUREAU)
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{part} 须为日期或时刻") from None
