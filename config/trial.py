"""Runs the tests, or the checks of a reader's eye, and says how it went (试运行)."""

import os
import subprocess
import sys
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    ("pytest", "-q", "tests/test_house.py"),
)


def main(arguments: list[str]) -> int:
    """`trial`: pytest; `check`: lint, types, layers; `model`, `faults`: one part at length."""
    os.chdir(HOUSE)
    dist = "loadgroup"  # What belongs together goes to one worker; one part at length goes to all.
    if arguments[:1] == ["check"]:
        return max(_step(*command) for command in CHECKS)
    if arguments[:1] == ["model"]:
        os.environ["MODEL_HISTORIES"], dist = "800", "load"
        arguments = ["tests/escrow/test_model.py", "tests/fund/test_fund_model.py", *arguments[1:]]
    if arguments[:1] == ["faults"]:
        os.environ.setdefault("FAULTS_ROUNDS", "10")
        dist = "load"
        arguments = ["tests/faults", *arguments[1:]]
    begun = time.monotonic()
    # One more than there are cores: some tests wait for clocks and starting processes.
    workers = 1 + max(2, os.cpu_count() or 2)
    code = _step("pytest", "-q", "-n", str(workers), "--dist", dist, *arguments)
    print(f"{'✓ 测试通过' if code == 0 else '✗ 测试未通过'}，用时 {time.monotonic() - begun:.0f} 秒；计数见上一行", flush=True)
    return code


def _step(program: str, *arguments: str) -> int:
    print(f"▸ {program} {' '.join(arguments)}", flush=True)
    return subprocess.run([BIN / program, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
