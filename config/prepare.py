"""Makes the virtual environment from the hashed lock, then becomes the program asked for (准备环境).

Run by any python3: standard library only, and the version is checked before the rest of the house is read.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
VENV = HOUSE / ".venv"
STAMP = VENV / "lock-stamp.json"
LOCKS = dict.fromkeys(("run", "backup", "restore"), "requirements.lock")
TEST_LOCK = "requirements-test.lock"
PROGRAMS = {
    "run": ["-m", "config.serve"],
    "backup": ["-m", "config.backup"],
    "restore": ["-m", "config.restore"],
    "test": ["-m", "config.trial"],
    "check": ["-m", "config.trial", "check"],
    "model": ["-m", "config.trial", "model"],
    "faults": ["-m", "config.trial", "faults"],
    "bench": ["-m", "tests.bench"],
}


def main() -> None:
    """`prepare.py run|backup|restore|test|…`: check, install what is missing, hand over."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "run"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"需要 Python 3.11–3.13，找到的是 {sys.version.split()[0]}；请以 PYTHON=python3.11 make {wanted} 指明")
    sys.path.insert(0, str(HOUSE))
    sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    from config.postgres import CannotStart
    from config.preflight import look

    try:
        if wanted == "run":
            look(os.environ)
        install(HOUSE / LOCKS.get(wanted, TEST_LOCK))
    except CannotStart as reason:
        sys.exit(f"✗ {reason}")
    except KeyboardInterrupt:
        sys.exit("已停止，下次会重新准备。")
    python = VENV / "bin" / "python"
    # A house is a dozen processes: compiled once, as Python does by itself, each starts in half the time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.execv(python, [str(python), *PROGRAMS[wanted], *sys.argv[2:]])


def install(lock: Path) -> None:
    """Bring .venv to what the lock says; nothing is done when it already is (安装依赖)."""
    checkout = os.open(HOUSE, os.O_RDONLY)
    fcntl.flock(checkout, fcntl.LOCK_EX)
    try:
        wanted, standing = _fingerprint(lock), _standing()
        if standing.get(lock.name) == wanted or (lock.name in LOCKS.values() and _covered(standing)):
            return
        outdated = any(_fingerprint(HOUSE / name) != print_ for name, print_ in standing.items())
        if not standing or outdated or not (VENV / "bin" / "python").exists():
            _make_venv()
            standing = {}
        print(f"▸ 安装依赖（{lock.name}，逐一核对哈希），约需半分钟到两分钟……")
        _pip("install", "--require-hashes", "--only-binary", ":all:", "-r", str(lock))
        STAMP.write_text(json.dumps({**standing, lock.name: wanted}))
    finally:
        os.close(checkout)


def _covered(standing: "dict[str, str]") -> bool:
    """The test lock holds everything the runtime lock does."""
    return standing.get(TEST_LOCK) == _fingerprint(HOUSE / TEST_LOCK)


def _standing() -> "dict[str, str]":
    try:
        found: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _fingerprint(lock: Path) -> str:
    """The lock, the Python and the place: a moved checkout needs new scripts."""
    told = lock.read_bytes() + f"{sys.version_info[:2]}{VENV}".encode()
    return hashlib.sha256(told).hexdigest()


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        _fetch_venv()
    if VENV.is_symlink():
        _give_up(f"{VENV} 是指向 {VENV.resolve()} 的链接，那里可能另有人在用；不清空它。请移走这个链接，或自行更新所指的环境")
    print(f"▸ 建立虚拟环境 {VENV}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if made.returncode != 0:
        _give_up(f"虚拟环境没有建成；请确认 {HOUSE} 可写，并已安装 python3-venv")


def _fetch_venv() -> None:
    """Debian keeps venv in a package of its own: fetched when we may, named when we may not."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    may = not sudo or (shutil.which("sudo") and subprocess.run([*sudo, "true"], check=False).returncode == 0)
    if not may or not shutil.which("apt-get"):
        _give_up("缺少 python3-venv；请由管理员执行：apt-get update && apt-get install -y python3-venv")
    print("▸ 安装系统包 python3-venv")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq"]
    subprocess.run([*sudo, *quiet, "update"], capture_output=True, check=False)
    exact = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    install = [*sudo, *quiet, "install", "--no-install-recommends", "python3-venv", exact]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        _give_up(f"python3-venv 没有装成，请由管理员安装：\n{done.stderr.strip()}")
    importlib.invalidate_caches()


def _pip(*arguments: str) -> None:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    if subprocess.run([*command, *arguments], check=False).returncode != 0:
        _give_up("依赖没有装成（见上）；检查网络后再执行一次即可，已装的不必重来")


def _give_up(reason: str) -> None:
    from config.postgres import CannotStart

    raise CannotStart(reason)


if __name__ == "__main__":
    main()
