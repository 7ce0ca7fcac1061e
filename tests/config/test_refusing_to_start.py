"""What is not right is said before anything is made (启动前的检查)."""

import os
import socket
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from config.postgres import CannotStart, Programs, Server, clear_leftover, find_programs
from config.preflight import create_folder, look
from config.roles import broker_url


def test_a_busy_port_is_said_before_anything_is_made(ground):
    """端口被占用：直说，未创建任何文件。"""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", ground.port))
        busy.listen()
        said = ground.prepare()
    assert said.returncode == 1
    assert f"端口 {ground.port} 已被别的程序占用" in said.stderr
    assert not ground.data.exists()


@pytest.mark.parametrize("port", ["0", "65536", "八千", "-1", "80x"])
def test_a_port_is_a_number(ground, port):
    """PORT 不是端口号：直说。"""
    with pytest.raises(CannotStart, match="不是端口号"):
        look({"ESCROW_DATA": str(ground.data), "PORT": port})


def test_a_folder_the_server_cannot_enter_is_named(ground, as_root):
    """以 root 启动而数据库用户进不了上级文件夹：指出是哪一个、怎么办，未创建任何文件。"""
    private = ground.home / "private"
    private.mkdir(mode=0o700)
    said = ground.prepare(ESCROW_DATA=str(private / "deep" / "data"))
    assert said.returncode == 1
    assert f"进不了文件夹 {private}（" in said.stderr
    assert f"chmod o+x {private}" in said.stderr
    assert list(private.iterdir()) == []


def test_someone_elses_folder_is_not_opened(ground, as_root):
    """数据文件夹里已有别人的东西且不可进入：不擅自放开，说明怎么办。"""
    ground.data.mkdir(mode=0o700)
    (ground.data / "diary").touch()
    with pytest.raises(CannotStart, match="进不了文件夹"):
        look({"ESCROW_DATA": str(ground.data), "PORT": str(ground.port)})
    assert ground.data.stat().st_mode & 0o777 == 0o700


def test_an_empty_private_folder_is_made_passable(ground, as_root):
    """空的私有文件夹（如 mktemp -d 所建）可用：只放行通过，不放行查看。"""
    ground.data.mkdir(mode=0o700)
    create_folder(look({"ESCROW_DATA": str(ground.data), "PORT": str(ground.port)}).data)
    assert ground.data.stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("name", ["有 空格", "100%", "a+b#c?d&e='f"])
def test_a_folder_may_be_called_anything(ground, name):
    """数据文件夹的名字里有空格、百分号、井号，数据库的连接地址也照样指到它。"""
    server = Server(ground.home, Programs(ground.home, "wheel"))
    server.sockets = ground.home / name / "socket"

    url = server.url("escrow_app", "word", "escrow")

    assert conninfo_to_dict(url)["host"] == str(server.sockets)
    assert make_url(url).query["host"] == str(server.sockets)
    assert make_url(broker_url(url, "broker")).query["host"] == str(server.sockets)


def test_a_folder_that_cannot_be_made_is_said(ground):
    """文件系统不让建文件夹：直说是哪一个，不是一串调用栈。"""
    with pytest.raises(CannotStart, match="建不了文件夹 /proc/nowhere"):
        create_folder(Path("/proc/nowhere/data"))


def test_a_file_in_the_place_of_the_folder(ground):
    """ESCROW_DATA 指向文件：直说。"""
    ground.data.touch()
    with pytest.raises(CannotStart, match="不是文件夹"):
        look({"ESCROW_DATA": str(ground.data), "PORT": str(ground.port)})


def test_data_of_another_major_version_is_left_alone(ground):
    """数据是另一主版本的：说明两个版本，一字节也不动。"""
    (ground.data / "postgres").mkdir(parents=True)
    marker = ground.data / "postgres" / "PG_VERSION"
    marker.write_text("12\n")
    with pytest.raises(CannotStart, match="PostgreSQL 12 的数据"):
        Server(ground.data, find_programs()).check_version()
    assert [path.name for path in ground.data.rglob("*")] == ["postgres", "PG_VERSION"]
    assert marker.read_text() == "12\n"


def test_pg_bin_has_to_hold_a_server(monkeypatch, tmp_path):
    """PG_BIN 指错了地方：直说。"""
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(CannotStart, match="没有 initdb"):
        find_programs()


def test_a_stale_lock_of_a_stranger_is_put_away(ground):
    """遗留的 postmaster.pid 指向不相干的进程：收走它；那个进程不受影响。"""
    folder = ground.data / "postgres"
    folder.mkdir(parents=True)
    lock = folder / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n")
    clear_leftover(folder)
    assert not lock.exists()
    assert os.getppid() > 1


def test_programs_tell_their_version():
    """找到的数据库程序不低于十五。"""
    found = find_programs()
    assert isinstance(found, Programs)
    assert found.version >= 15
