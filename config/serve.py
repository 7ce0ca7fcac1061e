"""The launcher of every process: database, migrations, keys, demo data, web, worker and beat (启动器).

Run as `python -m config.serve`; `make run` comes here once the virtual environment stands.
"""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from config import backup, house, roles
from config.archive import BACKUP, archiving, manifests, shown
from config.children import Children, Stopped, stop_leftovers
from config.own_server import bootstrap, broker_answers
from config.postgres import SUPERUSER, CannotStart, Server, die_with_parent, find_programs
from config.preflight import Plan, create_folder, held, look, port_is_free

HOUSE = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CREDENTIALS = "demo-credentials.json"
HOUR = 3600.0
OLD_BACKUP = 2  # days
BACKUP_LOG = "backup.log"
# Two at once, and no child to lose: of a pool of processes on the embedded broker, one killed while it waits
# takes the pool's lock with it, and the worker lives on, never works again, and nobody sees it.
WORKER_WORDS = (
    "worker", "--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle",
    "--without-heartbeat", "--loglevel", "WARNING",
)  # fmt: skip
BEAT_WORDS = ("beat", "--pidfile", "", "--loglevel", "WARNING", "--schedule")
WEB, WORKER, BEAT = "网页服务", "后台任务", "定时器"


def main() -> int:
    """Bring the house up, watch it, and take it down in order; returns the exit code."""
    sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    os.chdir(HOUSE)
    os.umask(0o077)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:
            signal.signal(sign, _asked_to_stop)
    try:
        plan = look(os.environ)
        create_folder(plan.data)
        with held(plan.data):
            return _live(plan)
    except CannotStart as reason:
        say(f"✗ {reason}")
        return 1
    except Stopped:
        return 0


def _live(plan: Plan) -> int:
    """From the first process to the last."""
    children, code = Children(plan.data, _environment(plan)), 0
    try:
        broker = _bring_up(plan, children)
        _watch(children, broker)
    except CannotStart as reason:
        say(f"✗ {reason}")
        code = 1
    except Exception as fault:
        log = plan.data / "log" / "launcher.log"
        log.write_text(traceback.format_exc())
        said = str(fault).strip().splitlines() or [""]
        say(f"✗ 启动失败：{type(fault).__name__} {said[0]}（详情见 {log}）")
        code = 1
    except Stopped as stopped:
        say(f"\n▸ {stopped.reason}")
        code = 0 if stopped.reason == ASKED else 1
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        _take_down(plan, children)
    return code


def _take_down(plan: Plan, children: Children) -> None:
    if not children.running and not (children.server and children.server.process):
        return
    say("▸ 正在停止：先做完手上的事，再停数据库……")
    late = children.stop()
    say(f"✓ 已全部停止{'（强制结束：' + '、'.join(late) + '）' if late else ''}，数据保存在 {plan.data}")


def _bring_up(plan: Plan, children: Children) -> str:
    """Everything that has to stand, in the order it stands on each other; returns the broker's URL."""
    begun = time.monotonic()
    if not plan.own_server:
        children.server = Server(plan.data, find_programs())
        children.server.check_version()
    (plan.data / "log").mkdir(exist_ok=True)
    if left := stop_leftovers(plan.data):
        say(f"▸ 已停止上一次异常退出遗留的进程：{'、'.join(left)}")
    port_is_free(plan.port)
    if told := os.environ.get("CELERY_BROKER_URL"):
        broker_answers(told)
        say("✓ 消息队列：CELERY_BROKER_URL 所指")
    kept = house.drawn(plan.data)
    house.signing_key(plan.data)
    say(f"✓ 密钥与口令：{plan.data / 'house.json'}（仅本用户可读）")
    if children.server:
        _start_server(children.server, kept)
    else:
        say(f"✓ 数据库：DATABASE_URL 所指的 PostgreSQL {bootstrap(os.environ, kept)}")
    house.keep(plan.data, kept)
    roles.assert_durable(kept["database_url"])
    say("✓ 持久性设定已核对：fsync、full_page_writes、synchronous_commit、data_checksums")
    _migrate(kept)
    first = _first_backup(children.server, children.environment)
    roles.make_queue(kept["broker_url"])
    _start_processes(plan, children)
    _load_demo(plan, children)
    _tell_backup(plan, first)
    _tell(plan, time.monotonic() - begun)
    return str(kept["broker_url"])


def _start_server(server: Server, kept: dict[str, Any]) -> None:
    """The embedded PostgreSQL, its roles and its two databases (内置数据库)."""
    if not server.data.exists():
        say("▸ 初始化数据库……")
    password = house.superuser_password(server.home)
    server.create(password)
    server.start({"log_checkpoints": "off", **archiving(backup.ready(server) / "wal")})
    broker = f"{roles.DATABASE}_broker"
    roles.settle(server.url(SUPERUSER, password), roles.DATABASE, kept["role_passwords"], broker=broker)
    kept.update(roles.urls(server.url("_", "_", roles.DATABASE), kept["role_passwords"]))
    kept["broker_url"] = os.environ.get("CELERY_BROKER_URL") or roles.broker_url(kept["database_url"], broker)
    say(f"✓ 数据库：内置 PostgreSQL {server.programs.version}，{server.data}")


def _migrate(kept: dict[str, Any]) -> None:
    from config.migrate import head, upgrade

    standing = roles.migration_of(kept["owner_url"])
    if standing == head():
        say(f"✓ 数据结构：已是最新（{standing}）")
        return
    say("▸ 更新数据结构……")
    upgrade(kept["owner_url"])
    say(f"✓ 数据结构：{standing or '空'} → {head()}")


def _first_backup(server: Server | None, told: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
    """Archived WAL is worth something from the first base backup on, made while the rest starts (首份备份)."""
    if server is None:
        return None
    folder = backup.ready(server)
    if not (found := manifests(folder.parent, folder.name)):
        with (server.home / "log" / BACKUP_LOG).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "config.backup"], env=dict(told), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip
    newest = found[-1][1].made_at
    age = (datetime.now(UTC) - newest).days
    old = f"，已过 {age} 天，请执行 make backup" if age >= OLD_BACKUP else ""
    say(f"✓ 备份：连续归档中；最近的基础备份 {shown(newest)}{old}")
    return None


def _tell_backup(plan: Plan, first: "subprocess.Popen[bytes] | None") -> None:
    """The house stands without its first backup too, but says so."""
    if first and first.wait():
        say(f"✗ 首份备份没有做成，原因见 {plan.data / 'log' / BACKUP_LOG}；请另行执行 make backup")
    elif first:
        say(f"✓ 备份：首份基础备份已成，连续归档中（{plan.data / BACKUP}）")


def _start_processes(plan: Plan, children: Children) -> None:
    """The web has to answer before we go on; nobody waits for worker and beat, so they do not hold it up."""
    celery = [BIN / "celery", "-A", "wsgi:celery"]
    say("▸ 启动网页服务、后台任务、定时器……")
    children.start(WEB, [BIN / "gunicorn", "-c", HOUSE / "config" / "gunicorn.py", "wsgi:app"], log="web.log")
    deadline = time.monotonic() + 60
    while not _answers(plan.port):
        children.check()
        if time.monotonic() > deadline:
            raise CannotStart(f"网页服务 60 秒内没有应答，日志见 {plan.data / 'log' / 'web.log'}")
        time.sleep(0.05)
    children.start(WORKER, [*celery, *WORKER_WORDS], log="worker.log")
    children.start(BEAT, [*celery, *BEAT_WORDS, plan.data / "beat-schedule"], log="beat.log")
    say(f"✓ 网页服务、后台任务、定时器已启动，日志在 {plan.data / 'log'}")


def _load_demo(plan: Plan, children: Children) -> None:
    """Demo data at the first start; the credentials file is written last, so it tells."""
    if (plan.data / CREDENTIALS).exists() or os.environ.get("ESCROW_DEMO") == "0":
        return
    flask = [BIN / "flask", "--app", "wsgi"]
    if children.finish(children.start("演示数据", [*flask, "demo", "--help"], log="demo.log")) == 2:
        say("▸ 没有 flask demo 命令，跳过演示数据")
        return
    say("▸ 装入演示数据……")
    if code := children.finish(children.start("演示数据", [*flask, "demo"])):
        raise CannotStart(f"演示数据没有装成（代码 {code}），原因见上；再执行一次 make run 会重新装入")


def _tell(plan: Plan, seconds: float) -> None:
    say(f"\n✓ 系统已启动，用时 {seconds:.1f} 秒")
    say(f"  地址：http://127.0.0.1:{plan.port}/")
    if (plan.data / CREDENTIALS).exists():
        say(f"  账号与密钥：{plan.data / CREDENTIALS}（仅本用户可读）")
    say("  停止：按 Ctrl-C")


def _watch(children: Children, broker: str) -> None:
    """Until somebody asks us to stop, or one of the processes ends by itself."""
    parent, swept = os.getppid(), 0.0
    while True:
        time.sleep(0.2)
        children.check()
        if _make_gave_up(parent):
            raise Stopped(ASKED)
        if time.monotonic() - swept > HOUR:
            swept = time.monotonic()
            with contextlib.suppress(psycopg.Error):
                roles.clear_delivered(broker)


def _make_gave_up(parent: int) -> bool:
    """A signal sent to make alone never reaches us: make then waits for us, its own handler put away."""
    try:
        told = Path(f"/proc/{parent}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    if fields.get("Name") != "make":
        return False
    interrupt = 1 << (signal.SIGINT - 1)
    heard = int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)
    return not heard & interrupt


def _answers(port: int) -> bool:
    try:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(asked):
            asked.request("GET", "/healthz")
            return asked.getresponse().status < 500
    except OSError:
        return False


def _environment(plan: Plan) -> dict[str, str]:
    """What the children are told: everything but the administrator's own way into the database."""
    told = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    metrics = plan.data / "metrics"
    return {
        # Eight threads with a heap each keep what the others could use, and a heap that grew once does not
        # shrink: a web process would grow by the county. (mallopt(3), M_ARENA_MAX and M_TRIM_THRESHOLD)
        "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072", **told, "ESCROW_DATA": str(plan.data),
        "PORT": str(plan.port), "PYTHONUNBUFFERED": "1", "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }  # fmt: skip


ASKED = "收到停止信号"


def _asked_to_stop(number: int, frame: object) -> NoReturn:
    raise Stopped(ASKED)


def say(text: str) -> None:
    """One line to the terminal, at once; a terminal that has gone away is no reason to lose anything."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


if __name__ == "__main__":
    sys.exit(main())
