"""make bench: every part in turn, a table and a JSON in the data folder, and the books verified at the end (基准).

A part is a function (ground, rounds, seconds, say) -> rows; PARTS lists them in the order they run.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import doors, ledger
from tests.bench.ground import Ground, open_ground

Part = Callable[[Ground, int, float, Callable[[str], None]], list[dict[str, Any]]]
PARTS: dict[str, Part] = {"记账": ledger.measure, "接口": doors.measure}


def main() -> int:
    """Run, tell, keep; 1 when the books do not hold afterwards."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("--rounds", type=int, default=3, help="轮数（交替进行，取中位数）")
    asked.add_argument("--seconds", type=float, default=3.0, help="每格秒数")
    asked.add_argument("--only", choices=PARTS, help="只跑一部分")
    told = asked.parse_args()
    started = datetime.now(UTC)
    results: dict[str, list[dict[str, Any]]] = {}
    print("数据库启动，先写入两万张凭证……", flush=True)
    with open_ground() as ground:
        for name, part in PARTS.items():
            if told.only in (None, name):
                results[name] = part(ground, told.rounds, told.seconds, lambda line: print(line, flush=True))
                _table(name, results[name])
        print("核验：")
        for finding in ground.findings:
            print(f"{'通过' if finding.ok else '不符'}  {finding.check}  {finding.detail}")
        version = ground.server.programs.version
    path = Path(os.environ.get("ESCROW_DATA", "var")) / f"bench-{started:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"started_at": started.isoformat(), "rounds": told.rounds, "seconds": told.seconds,
             "postgresql": version, "python": platform.python_version(), "cpus": os.cpu_count(),
             "load": os.getloadavg(), "results": results}  # fmt: skip
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"结果已存 {path}")
    return 0 if ground.findings and all(finding.ok for finding in ground.findings) else 1


def _table(name: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n{name}（每秒凭证数，中位数）\n{'':28}{'本系统':>9}{'裸写':>9}{'比值':>7}{'目标':>7}{'p50 ms':>9}{'p99 ms':>9}")
    for row in rows:
        aim = f"{row['aim']:.2f}" if row["aim"] is not None else "—"
        print(f"{row['name']:30}{row['ours_per_second']:>10}{row['bare_per_second']:>11}{row['ratio']:>9.2f}"
              f"{aim:>8}{row['p50_ms']:>10}{row['p99_ms']:>9}")  # fmt: skip
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
