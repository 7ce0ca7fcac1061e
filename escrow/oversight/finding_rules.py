"""What in the books looks like a round trip or a false sale, and who may decide on it (风险提示). Pure.

A finding refuses nothing: it waits for an officer. Money that comes back is looked for in `round_trips`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from config.regulations import Law
from escrow.errors import Refusal
from escrow.oversight.finding_terms import STATUS_LABELS, FindingKind, FindingStatus, Suspicion
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class Deposited:
    """A living receipt with the keyed hashes of who paid it (入账及付款人摘要)."""

    receipt_id: int
    receipt_no: str
    account: bytes
    holder: bytes
    into: bytes
    place: str
    payer: str
    amount: Yuan
    on: date
    contract_no: str | None = None


@dataclass(frozen=True, slots=True)
class Insider:
    """A company that sells or is paid from supervised accounts (开发企业或收款单位)."""

    label: str
    payees: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Insiders:
    """Developers and payees by the hashes of their names and accounts (关联单位)."""

    developers: Mapping[bytes, Insider]
    payees: Mapping[bytes, Insider]


@dataclass(frozen=True, slots=True)
class Listing:
    """A payee of the whitelist, its name and account without spaces (收款人登记)."""

    payee_id: int
    place: str
    name: str
    account: bytes
    account_shown: str


@dataclass(frozen=True, slots=True)
class Group:
    """Contracts that share an identity number or a paying account (同一证件或账户的合同)."""

    mark: bytes
    shown: str
    contracts: tuple[str, ...]
    receipts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A receipt and its reversal, on the bureau's days (入账与冲正)."""

    receipt_id: int
    receipt_no: str
    place: str
    payer: str
    amount: Yuan
    booked_on: date
    reversed_on: date
    contract_no: str | None


def insider_payers(deposits: Iterable[Deposited], insiders: Insiders, law: Law) -> list[Suspicion]:
    """A developer, or who is paid from a supervised account, pays as a buyer would (关联单位缴存)."""
    if not law["finding_insider_payers"].value:
        return []
    found = []
    for one in deposits:
        sides = (
            (FindingKind.DEVELOPER_PAYS, insiders.developers),
            (FindingKind.PAYEE_PAYS, insiders.payees),
        )
        for kind, known in sides:
            if who := known.get(one.account) or known.get(one.holder):
                said = f"入账 {one.receipt_no} 的付款人是{who.label}"
                found.append(_of_receipts(kind, str(one.receipt_id), said, [one], payees=who.payees))
                break
    return found


def stranger_payers(deposits: Iterable[Deposited], insiders: Insiders, law: Law) -> list[Suspicion]:
    """Own money of a contract from somebody who is none of its buyers; insiders are told apart (他人代付)."""
    if not law["finding_stranger_payers"].value:
        return []
    known = {*insiders.developers, *insiders.payees}
    groups: dict[tuple[str, bytes], list[Deposited]] = {}
    for one in deposits:
        if not {one.account, one.holder} & known:
            groups.setdefault((one.contract_no or "", one.account), []).append(one)
    return [
        _of_receipts(
            FindingKind.STRANGER_PAYS, f"{contract_no}:{account.hex()}",
            f"合同 {contract_no} 的自有资金由 {ours[0].payer} 缴存，不是合同的买受人", ours,
        )
        for (contract_no, account), ours in groups.items()
    ]  # fmt: skip


def shared_accounts(listings: Iterable[Listing], law: Law) -> list[Suspicion]:
    """One bank account that was listed under different payee names (同一账号多个户名)."""
    if not law["finding_payee_names"].value:
        return []
    accounts: dict[bytes, dict[str, Listing]] = {}
    for one in sorted(listings, key=lambda listing: listing.payee_id):
        accounts.setdefault(one.account, {}).setdefault(one.name, one)
    return [
        Suspicion(
            # The listing that brought another name is what is new.
            FindingKind.SHARED_ACCOUNT, f"shared-account:{later.payee_id}", f"收款账号 {later.account_shown}",
            f"收款账号 {later.account_shown} 先后以“{first.name}”“{later.name}”的名义登记",
            {"place": later.place, "names": [first.name, later.name]},
            payees=(first.payee_id, later.payee_id),
        )
        for names in accounts.values()
        for first, *others in [list(names.values())]
        for later in others
    ]  # fmt: skip


def payees_named_as_developers(
    listings: Iterable[Listing], developers: Iterable[str], law: Law
) -> list[Suspicion]:
    """A payee called as a developer is, however it is spaced (收款人与开发企业同名)."""
    if not law["finding_payee_names"].value:
        return []
    known = set(developers)
    return [
        Suspicion(
            FindingKind.PAYEE_IS_DEVELOPER, f"payee-is-developer:{one.payee_id}", f"收款人 {one.name}",
            f"收款人“{one.name}”（账号 {one.account_shown}）与一家开发企业同名",
            {"place": one.place, "names": [one.name]}, payees=(one.payee_id,),
        )
        for one in listings
        if one.name in known
    ]  # fmt: skip


def one_id(groups: Iterable[Group], law: Law) -> list[Suspicion]:
    """One identity number among the buyers of many living contracts (同一证件多份合同)."""
    least = law["finding_id_contracts"].value
    return [
        _of_group(FindingKind.ONE_ID, group, least, f"证件 {group.shown} 同时是")
        for group in groups
        if len(group.contracts) >= least
    ]


def one_account(groups: Iterable[Group], law: Law) -> list[Suspicion]:
    """Own money of many contracts from one account (同一账户缴存多份合同)."""
    least = law["finding_account_contracts"].value
    return [
        _of_group(FindingKind.ONE_ACCOUNT, group, least, f"账户 {group.shown} 缴存了")
        for group in groups
        if len(group.contracts) >= least
    ]


def quick_reversals(reversals: Iterable[TakenBack], law: Law) -> list[Suspicion]:
    """A receipt taken back within days: money that was shown and withdrawn (入账后很快冲正)."""
    longest = law["finding_reversal_days"].value
    found = []
    for one in reversals:
        days = (one.reversed_on - one.booked_on).days
        if days <= longest:
            after = f"{days} 日后" if days else "当日"
            detail = {
                "place": one.place, "payer": one.payer, "amount": str(one.amount), "days": days,
                "contracts": [one.contract_no] if one.contract_no else [], "receipts": [one.receipt_no],
            }  # fmt: skip
            said = f"入账 {one.receipt_no} 于{after}由银行冲正"
            key = f"quick-reversal:{one.receipt_id}"
            found.append(
                Suspicion(
                    FindingKind.QUICK_REVERSAL, key, f"入账 {one.receipt_no}", said, detail,
                    receipts=(one.receipt_id,),
                )
            )  # fmt: skip
    return found


def decider_refusals(
    status: FindingStatus, concerned: Iterable[int], officer_id: int, law: Law
) -> list[Refusal]:
    """Why this officer cannot decide this finding now (不能决定的理由)."""
    found, source = [], law["finding_other_officer"].citation
    if status is not FindingStatus.OPEN:
        message = f"这条提示{STATUS_LABELS[status]}，不能再次决定"
        found.append(Refusal("already-decided", message, source))
    if law["finding_other_officer"].value and officer_id in set(concerned):
        message = "提示所涉的用款或收款人由您录入，须由另一人员决定"
        found.append(Refusal("same-officer", message, source))
    return found


def _of_receipts(
    kind: FindingKind, key: str, said: str, deposits: Sequence[Deposited], *, payees: tuple[int, ...] = ()
) -> Suspicion:
    contracts = sorted({one.contract_no for one in deposits if one.contract_no})
    detail = {
        "place": deposits[0].place, "payer": deposits[0].payer, "contracts": contracts,
        "receipts": [one.receipt_no for one in deposits],
        "amount": str(sum((one.amount for one in deposits), ZERO)),
        "on": max(one.on for one in deposits).isoformat(),
    }  # fmt: skip
    subject = f"合同 {contracts[0]}" if contracts else f"入账 {deposits[0].receipt_no}"
    ids = tuple(one.receipt_id for one in deposits)
    return Suspicion(kind, f"{kind}:{key}", subject, said, detail, payees=payees, receipts=ids)


def _of_group(kind: FindingKind, group: Group, least: int, said: str) -> Suspicion:
    count = len(group.contracts)
    # Told again when it has grown by as much once more, not with every further contract.
    key = f"{kind}:{group.mark.hex()}:{count // least}"
    ends = "份在册合同的买受人" if kind is FindingKind.ONE_ID else "份合同的自有资金"
    return Suspicion(
        kind, key, group.shown, f"{said} {count} {ends}", {"contracts": list(group.contracts)},
        receipts=group.receipts,
    )  # fmt: skip
