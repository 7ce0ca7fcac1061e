"""One command brings the house up, one key takes it down, and nothing is lost (启动与停止)."""

import json
import os
import signal
import time

import psycopg
import pytest

PRIVATE = ("house.json", "signing-key.pem", "superuser-password")


def kept(ground):
    """What house.json says."""
    return json.loads((ground.data / "house.json").read_text())


@pytest.mark.slow
def test_first_start_second_start_and_ctrl_c(ground):
    """首次启动一应俱全；Ctrl-C 停掉每个进程而数据仍在；再次启动不到五秒。"""
    first = ground.launch()
    first.wait_until_up()
    assert first.pages() == 200
    assert f"http://127.0.0.1:{ground.port}/" in first.words()
    assert "Ctrl-C" in first.words()
    assert {name: (ground.data / name).stat().st_mode & 0o777 for name in PRIVATE} == dict.fromkeys(PRIVATE, 0o600)
    with psycopg.connect(kept(ground)["owner_url"]) as owner:
        owner.execute("CREATE TABLE public.kept (word text)")
        owner.execute("INSERT INTO public.kept VALUES ('在')")
    assert first.stop() == 0, first.words()
    assert first.left() == []

    second = ground.launch()
    assert second.wait_until_up() < 5, second.words()
    with psycopg.connect(kept(ground)["owner_url"]) as owner:
        assert owner.execute("SELECT word FROM public.kept").fetchall() == [("在",)]
    assert second.stop(signal.SIGTERM) == 0
    assert second.left() == []


@pytest.mark.slow
def test_the_server_promises_what_the_books_need(ground):
    """内置数据库：持久性设定齐全，口令认证，不开网络端口，各角色都不是超级用户，应用读不到超级用户的口令。"""
    ground.launch().wait_until_up()
    told = kept(ground)
    with psycopg.connect(told["database_url"]) as application:
        show = {
            name: application.execute(f"SHOW {name}").fetchone()[0]
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
        }
        roles = application.execute("SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname LIKE 'escrow%'").fetchone()
        waits = application.execute("SHOW lock_timeout").fetchone()
    assert show == {**dict.fromkeys(list(show)[:4], "on"), "listen_addresses": ""}
    assert roles == (False,)
    assert waits == ("3s",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(told["database_url"].replace(told["role_passwords"]["escrow_app"], "wrong"))
    secret = (ground.data / "superuser-password").read_text()
    assert secret not in (ground.data / "house.json").read_text()


@pytest.mark.slow
def test_a_killed_launcher_leaves_nothing_in_the_way(ground):
    """启动器被 kill -9 后，再次启动自行收拾遗留，照常运行，已提交的不丢。"""
    first = ground.launch()
    first.wait_until_up()
    with psycopg.connect(kept(ground)["owner_url"]) as owner:
        owner.execute("CREATE TABLE public.kept AS SELECT 1 AS one")
    first.process.kill()
    first.process.wait()

    second = ground.launch()
    second.wait_until_up()
    with psycopg.connect(kept(ground)["owner_url"]) as owner:
        assert owner.execute("SELECT one FROM public.kept").fetchall() == [(1,)]
    assert second.stop() == 0
    assert second.left() == []


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_the_rest_stop(ground):
    """任一进程意外退出，说明是哪一个，其余有序停止，退出码非零。"""
    launch = ground.launch()
    launch.wait_until_up()
    told = json.loads((ground.data / "children.json").read_text())
    worker = next(one["pid"] for one in told if one["label"] == "后台任务")
    os.kill(worker, signal.SIGKILL)
    assert launch.process.wait(40) == 1
    assert "后台任务意外被信号 9 终止" in launch.words()
    assert launch.left() == []


@pytest.mark.slow
def test_one_launcher_per_folder(ground):
    """同一数据文件夹只容一套系统：第二个启动器说明进程号后退出，第一个不受影响。"""
    first = ground.launch()
    deadline = time.monotonic() + 30
    while not (ground.data / "children.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = ground.launch(PORT="1")
    assert second.process.wait(20) == 1
    assert f"已有一套系统在运行（进程 {first.process.pid}）" in second.words()
    first.wait_until_up()


@pytest.mark.slow
def test_an_ordinary_user_can_start_it_with_a_long_private_path(ground, as_root):
    """普通用户也能启动；数据文件夹的路径过长或仅本人可进，也照常。"""
    private = ground.home / ("长" * 40) / "private"
    private.mkdir(parents=True)
    os.chown(private, as_root.pw_uid, as_root.pw_gid)
    private.chmod(0o700)
    plain = ("setpriv", f"--reuid={as_root.pw_uid}", f"--regid={as_root.pw_gid}", "--clear-groups")
    launch = ground.launch(*plain, ESCROW_DATA=str(private / "data"), HOME=str(private))
    launch.wait_until_up()
    assert launch.pages() == 200
    launch.process.send_signal(signal.SIGINT)
    assert launch.process.wait(40) == 0
    assert launch.left() == []
