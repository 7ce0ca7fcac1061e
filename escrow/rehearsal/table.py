"""What came of a rehearsal, as a table (演练结果)."""

import unicodedata
from collections import Counter

from escrow.rehearsal.tally import Tally, yuan
from escrow.rehearsal.wires import Timings

SHOWN_FAULTS = 20


def table(tally: Tally, timings: Timings, seconds: float, memory: list[dict[str, int]]) -> list[str]:
    """Every line of the result (结果)."""
    requests = sum(len(taken) for taken in timings.taken.values())
    return [
        *_counts("合同", tally.contracts),
        *_counts("资金到账情形（份）", tally.courses),
        *_counts("核对不通过的理由（次）", tally.refused),
        *_money(tally),
        "", "吞吐",
        _row("合同、缴存、核对、备案用时", f"{seconds:.1f} 秒"),
        _row("每秒合同", f"{tally.contracts['草拟'] / max(seconds, 0.001):.1f}"),
        _row("全部请求（繁忙后重试）", f"{requests}（{timings.tried_again}）"),
        *_latencies(timings),
        *_memory(memory),
        *_faults(tally),
    ]  # fmt: skip


def _counts(title: str, counts: Counter[str]) -> list[str]:
    return ["", title, *(_row(str(name), str(count)) for name, count in counts.most_common())]


def _money(tally: Tally) -> list[str]:
    rows = [_row(str(name), _signed(amount)) for name, amount in tally.money_in.most_common()]
    held, unmatched = sum(tally.held.values()), sum(tally.unmatched.values())
    return ["", "到账（元）", *rows, _row("账面应有", yuan(held)), _row("其中待认领", yuan(unmatched))]


def _signed(amount: int) -> str:
    return yuan(amount) if amount >= 0 else f"-{yuan(-amount)}"


def _latencies(timings: Timings) -> list[str]:
    found = ["", _row("接口", "次数 / p50 / p99 毫秒")]
    for door, taken in sorted(timings.taken.items(), key=lambda one: -len(one[1])):
        ordered = sorted(taken)
        last = len(ordered) - 1
        half, most = (ordered[min(last, len(ordered) * share // 100)] * 1000 for share in (50, 99))
        found.append(_row(door, f"{len(ordered)} / {half:.1f} / {most:.1f}"))
    return found


def _memory(memory: list[dict[str, int]]) -> list[str]:
    if not all(memory):
        return ["", _row("服务端内存", "未在本机找到服务进程")]
    shown = [
        f"{one['processes']} 个进程，现用 {one['now'] // 1024} MiB，峰值 {one['peak'] // 1024} MiB" for one in memory
    ]
    return ["", "服务端内存", _row("演练前", shown[0]), _row("演练后", shown[-1])]


def _faults(tally: Tally) -> list[str]:
    if not tally.faults:
        return ["", "没有意外应答；账面与报送逐户相符。", ""]
    more = len(tally.faults) - SHOWN_FAULTS
    shown = [f"✗ {fault}" for fault in tally.faults[:SHOWN_FAULTS]]
    return ["", f"意外 {len(tally.faults)} 处", *shown, *([f"……另有 {more} 处"] if more > 0 else []), ""]


def _row(name: str, value: str) -> str:
    """Two columns; a Chinese character is two wide."""
    width = sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in name)
    return f"  {name}{' ' * max(1, 38 - width)}{value}"
