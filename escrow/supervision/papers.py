"""A paper proves one thing once, in whatever room it was handed in (材料不得重复使用)."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow.errors import Refusal, Refused

_USED = text("SELECT used_for FROM filed_paper WHERE file_hash = :file_hash")
_TAKEN = text("SELECT number_taken(:room, :account_id, :number)")
_WAIT = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 1))")


def wait_turn(session: Session, name: str) -> None:
    """Whoever brings the same number now waits, and then finds it taken (同号排队)."""
    session.execute(_WAIT, {"name": name})


def refuse_used_paper(session: Session, file_hash: str, law: Law) -> None:
    """Whoever brings the same file now waits; a file used before is refused. Raises Refused."""
    if found := used_papers(session, [file_hash], law):
        raise Refused(found)


def used_papers(session: Session, file_hashes: Iterable[str], law: Law) -> list[Refusal]:
    """One reason for each of several files that was used before (已用过的文件)."""
    found = []
    for file_hash in sorted(set(file_hashes)):
        wait_turn(session, file_hash)
        if session.scalar(_USED, {"file_hash": file_hash}):
            message = f"文件 {file_hash[:12]}…（SHA-256 相同）已在别的事项中使用过，不得重复使用"
            found.append(Refusal("file-reused", message, law["paper_used_once"].citation))
    return found


def used_number(session: Session, room: str, account_id: int, number: str, law: Law) -> list[Refusal]:
    """Why an application's number cannot stand: it is another's on this account (文号已用).

    `room`: its table. Whoever brings the same number now waits.
    """
    earlier = session.scalar(_TAKEN, {"room": room, "account_id": account_id, "number": number})
    if earlier is None:
        return []
    message = f"文号 {number} 已用于 {earlier}，不得重复使用"
    return [Refusal("number-used", message, law["application_number_once"].citation)]
