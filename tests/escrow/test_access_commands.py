"""flask officer and flask client (人员与客户端命令)."""

import re

from tests.desk import Hired, sign_in


def told(output, name):
    return re.search(rf"{name}:\s+(\S+)", output)[1]


def test_an_officer_added_by_command_can_sign_in(app):
    """命令录入的人员，凭当面交付的口令与密钥即可登录。"""
    run = app.test_cli_runner().invoke
    added = run(
        args=["officer", "add", "zhang", "--full-name", "张伟民", "--staff-no", "G1", "--role", "register"]
    )
    assert added.exit_code == 0, added.output
    zhang = Hired("zhang", told(added.output, "password"), told(added.output, "totp_secret"))
    assert sign_in(app.test_client(), zhang).status_code == 303
    reset = run(args=["officer", "reset", "zhang"])
    assert sign_in(app.test_client(), zhang).status_code == 403
    again = Hired("zhang", told(reset.output, "password"), told(reset.output, "totp_secret"))
    assert sign_in(app.test_client(), again).status_code == 303
    assert run(args=["officer", "retire", "zhang"]).exit_code == 0
    assert sign_in(app.test_client(), again).status_code == 403


def test_wrong_commands_end_with_a_sentence(app):
    """录入有误时给出中文说明，不抛出程序错误。"""
    run = app.test_cli_runner().invoke
    add = ["officer", "add", "zhang", "--full-name", "张伟民", "--staff-no", "G1", "--role", "register"]
    assert run(args=add).exit_code == 0
    for args, said in (
        (add, "用户名已经有人用过"),
        (["officer", "add", "li", "--full-name", "李", "--staff-no", "G1", "--role", "cashier"], "一人一号"),
        (
            [
                "officer",
                "add",
                "li",
                "--full-name",
                "李",
                "--staff-no",
                "G2",
                "--role",
                "cashier",
                "--role",
                "auditor",
            ],
            "三员分立",
        ),
        (["officer", "add", "Li!", "--full-name", "李", "--staff-no", "G2", "--role", "cashier"], "小写字母"),
        (["officer", "retire", "nobody"], "没有在岗人员"),
        (["client", "add", "bank-a", "--title", "甲银行", "--scope", "bank"], "bank_code"),
        (["client", "retire", "nobody"], "没有在用的客户端"),
    ):
        result = run(args=args)
        assert result.exit_code == 1 and said in result.output and "Traceback" not in result.output, (
            result.output
        )


def test_a_client_added_by_command_gets_tokens_until_retired(app):
    """命令登记的客户端可换令牌，停用后即不可。"""
    run = app.test_cli_runner().invoke
    added = run(args=["client", "add", "bank-a", "--title", "甲银行", "--scope", "bank", "--bank-code", "A"])
    auth = ("bank-a", told(added.output, "client_secret"))
    form = {"grant_type": "client_credentials"}
    assert app.test_client().post("/oauth/token", data=form, auth=auth).status_code == 200
    assert run(args=["client", "retire", "bank-a"]).exit_code == 0
    assert app.test_client().post("/oauth/token", data=form, auth=auth).status_code == 401
