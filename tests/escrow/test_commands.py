"""flask verify and flask law as they are typed, and the tasks that ring by themselves (命令与定时任务)."""

from dataclasses import replace

import pytest

from config.regulations import LAW_FOLDER, load
from escrow.application import create_app
from escrow.tasks import BEAT
from ledger.seals import HEAD_FILE, head, kept
from tests.conftest import settle
from tests.town import found


def ring(app, name):
    """What beat makes a worker do."""
    app.extensions["celery"].tasks[BEAT[name]["task"]]()


@pytest.fixture
def sealed(app, house, client):
    """Money in the books, sealed by the task that beat rings; the head lies outside the database."""
    town = found(house, client)
    contract = town.draft()
    notice = contract["notices"][0]["notice_no"]
    assert town.call("bank", "POST", "/deposits", town.deposit("350000.00", notice)).status_code == 201
    settle(house.database)
    (house.settings.data_dir / HEAD_FILE).unlink(missing_ok=True)
    ring(app, "seal-books")
    return house


def test_verify_says_one_line_a_check_and_ends_with_zero(app, sealed):
    """核验命令每项检查一行，账簿相符则以 0 退出。"""
    said = app.test_cli_runner().invoke(args=["verify"])

    assert said.exit_code == 0, said.output
    assert len(said.output.splitlines()) >= 5
    assert all(line.startswith("通过  ") for line in said.output.splitlines())


def test_sealing_leaves_the_newest_block_outside_the_database(sealed):
    """定时封存之后，最新一块的封存头就留在数据目录里。"""
    with sealed.database.read() as session:
        newest = head(session)

    assert newest is not None
    assert kept(sealed.settings.data_dir / HEAD_FILE) == newest


def test_verify_finds_a_tail_cut_with_its_seals(app, sealed):
    """连同封存块一起截尾，凭库外的封存头也能发现，以 1 退出。"""
    with sealed.connect("superuser", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM ledger.seal")
    said = app.test_cli_runner().invoke(args=["verify"])

    assert said.exit_code == 1
    assert [line for line in said.output.splitlines() if line.startswith("不符  head-kept")]


def test_verify_without_a_database_is_no_pass(blank_settings):
    """数据库没有开，核验说明缘由并以 1 退出，不抛出程序错误。"""
    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    app = create_app(replace(blank_settings, database_url=nowhere, verifier_url=nowhere))
    said = app.test_cli_runner().invoke(args=["verify"])

    assert said.exit_code == 1
    assert "账簿没有核验" in said.output
    assert isinstance(said.exception, SystemExit)


def test_law_is_listed_without_a_database(blank_settings):
    """列出法规不需要数据库：每一条的取值、起始日与依据各一行，总数在前。"""
    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    app = create_app(replace(blank_settings, database_url=nowhere, verifier_url=nowhere))
    said = app.test_cli_runner().invoke(args=["law"])

    assert said.exit_code == 0, said.output
    for subjects in load(LAW_FOLDER).values():
        for rules in subjects.values():
            for rule in rules.values():
                for provision in rule.provisions:
                    assert f"{provision.in_force_from} 起" in said.output
                    assert provision.citation in said.output


def test_old_wrong_sign_ins_are_forgotten_by_the_hour(app, house):
    """早已过期的登录失败计数由定时任务清理，新近的留着。"""
    with house.connect("app", autocommit=True) as connection:
        connection.execute(
            "INSERT INTO wrong_tries (whose, tries, last_at)"
            " VALUES ('old', 3, now() - interval '30 days'), ('new', 3, now())"
        )
        ring(app, "purge")
        left = connection.execute("SELECT whose FROM wrong_tries").fetchall()

    assert [bytes(whose) for (whose,) in left] == [b"new"]
