"""Money paid out of supervised accounts that comes back as buyers' money (资金回流). Pure.

Accounts are points; a paid withdrawal and a deposit are ways between them; two accounts of one holder are a
step at no cost. A way that ends where it began, all within some days, is a round trip. The order within those
days is not asked: money is fungible, and somebody may well pay in before he is paid.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from config.regulations import Law
from escrow.oversight.finding_terms import FindingKind, Suspicion
from ledger.money import ZERO, Yuan

Cycle = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """One payment: out of a supervised account by a withdrawal, or into one by a deposit (一笔资金).

    `holders` are the hashes of the names of whoever holds the account at the outer end.
    """

    ref: str
    number: str
    source: bytes
    target: bytes
    holders: frozenset[bytes]
    on: date
    amount: Yuan
    withdrawal_id: int | None = None
    receipt_id: int | None = None
    contract_no: str | None = None

    @property
    def outer(self) -> bytes:
        """The account that is not the supervised one (对方账户)."""
        return self.target if self.withdrawal_id is not None else self.source

    @property
    def supervised(self) -> bytes:
        """The supervised account (监管账户)."""
        return self.source if self.withdrawal_id is not None else self.target


@dataclass(slots=True)
class _Graph:
    flows: dict[tuple[bytes, bytes], list[Flow]] = field(default_factory=dict)
    ways: dict[bytes, set[bytes]] = field(default_factory=dict)
    kin: dict[bytes, set[bytes]] = field(default_factory=dict)
    supervised: set[bytes] = field(default_factory=set)


def round_trips(flows: Iterable[Flow], labels: Mapping[bytes, str], law: Law) -> list[Suspicion]:
    """Every way back within the days and steps of the law; of several with one deposit, the shortest (回流)."""
    days, longest = law["finding_round_trip_days"].value, law["finding_round_trip_length"].value
    graph = _graph(flows)
    found: dict[frozenset[str], tuple[Cycle, list[Flow]]] = {}
    for cycle in sorted(_cycles(graph, longest), key=lambda one: (len(one), one)):
        hops = [graph.flows[pair] for pair in _pairs(cycle) if pair in graph.flows]
        for trip in _trips(hops, days):
            deposits = frozenset(flow.ref for flow in trip if flow.receipt_id is not None)
            found.setdefault(deposits, (cycle, trip))
    return [_suspicion(cycle, trip, labels) for cycle, trip in found.values()]


def _graph(flows: Iterable[Flow]) -> _Graph:
    graph = _Graph()
    accounts: dict[bytes, set[bytes]] = {}
    for flow in flows:
        graph.flows.setdefault((flow.source, flow.target), []).append(flow)
        graph.ways.setdefault(flow.source, set()).add(flow.target)
        graph.supervised.add(flow.supervised)
        for holder in flow.holders:
            accounts.setdefault(holder, set()).add(flow.outer)
    for of_one in accounts.values():
        for account in of_one - graph.supervised:
            graph.kin.setdefault(account, set()).update(of_one - graph.supervised - {account})
    return graph


def _cycles(graph: _Graph, longest: int) -> Iterator[Cycle]:
    """Every cycle once: it begins at the least of its supervised accounts."""
    for start in graph.supervised:
        yield from _walk(graph, longest, (start,), linked=False)


def _walk(graph: _Graph, longest: int, path: Cycle, *, linked: bool) -> Iterator[Cycle]:
    start, last = path[0], path[-1]
    for following in graph.ways.get(last, ()):
        if following == start and len(path) > 1:
            yield path
        elif _goes_on(graph, longest, path, following):
            yield from _walk(graph, longest, (*path, following), linked=False)
    for following in () if linked else graph.kin.get(last, ()):
        if _goes_on(graph, longest, path, following):
            yield from _walk(graph, longest, (*path, following), linked=True)


def _goes_on(graph: _Graph, longest: int, path: Cycle, following: bytes) -> bool:
    earlier = following in graph.supervised and following < path[0]
    return len(path) < longest and following not in path and not earlier


def _pairs(cycle: Cycle) -> list[tuple[bytes, bytes]]:
    return list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))


def _trips(hops: Sequence[Sequence[Flow]], days: int) -> Iterator[list[Flow]]:
    """One payment for each hop, all within the days; a payment counts for one trip only.

    Looking back from each day, the newest payment of every hop spans least: none within the days is missed.
    """
    newest: dict[int, Flow] = {}
    told = [(flow.on, flow.ref, place, flow) for place, hop in enumerate(hops) for flow in hop]
    for on, _, place, flow in sorted(told, key=lambda one: one[:3]):
        newest[place] = flow
        if len(newest) == len(hops) and (on - min(one.on for one in newest.values())).days <= days:
            yield [newest[place] for place in range(len(hops))]
            newest.clear()


def _suspicion(cycle: Cycle, trip: Sequence[Flow], labels: Mapping[bytes, str]) -> Suspicion:
    by_pair = {(flow.source, flow.target): flow for flow in trip}
    hops = [_hop(pair, by_pair.get(pair), labels) for pair in _pairs(cycle)]
    out = [flow for flow in trip if flow.withdrawal_id is not None]
    back = [flow for flow in trip if flow.receipt_id is not None]
    days = (max(flow.on for flow in trip) - min(flow.on for flow in trip)).days
    newest = max(trip, key=lambda flow: (flow.on, flow.ref))
    mark = sha256(b"|".join(cycle)).hexdigest()[:24]
    paid, returned = (sum((flow.amount for flow in some), ZERO) for some in (out, back))
    return Suspicion(
        FindingKind.ROUND_TRIP, f"round-trip:{newest.ref}:{mark}", labels.get(cycle[0], ""),
        f"{days} 日内拨付 {paid} 元、缴存 {returned} 元，经 {len(cycle)} 步回到原监管账户",
        {"hops": hops, "days": days, "length": len(cycle),
         "contracts": sorted({one.contract_no for one in back if one.contract_no})},
        withdrawals=tuple(sorted({one.withdrawal_id for one in out if one.withdrawal_id is not None})),
        receipts=tuple(one.receipt_id for one in back if one.receipt_id is not None),
    )  # fmt: skip


def _hop(pair: tuple[bytes, bytes], flow: Flow | None, labels: Mapping[bytes, str]) -> dict[str, str]:
    ends = {"source": labels.get(pair[0], ""), "target": labels.get(pair[1], "")}
    if flow is None:
        return {"what": "同一户名", **ends}
    what = "拨付" if flow.withdrawal_id is not None else "缴存"
    told = {"number": flow.number, "on": flow.on.isoformat(), "amount": str(flow.amount)}
    return {"what": what, **ends, **told}
