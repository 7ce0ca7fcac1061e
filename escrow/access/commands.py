"""flask officer …, flask client …: who may come in at all (人员与客户端管理). Drawn secrets are printed once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from escrow.access.clients import add_client, retire_client
from escrow.access.officers import NewOfficer, add_officer, reset_officer, retire_officer
from escrow.access.passwords import totp_uri
from escrow.access.rules import SCOPES, Role
from escrow.doors import database, settings
from escrow.errors import EscrowError, Invalid

officer_commands = AppGroup("officer", help="工作人员：录入、重置、停用")
client_commands = AppGroup("client", help="接口客户端：登记、停用")


@officer_commands.command("add")
@click.argument("username")
@click.option("--full-name", required=True, help="姓名")
@click.option("--staff-no", required=True, help="工号，一人一号")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="岗位，可多次",
)
def officer_add(username: str, full_name: str, staff_no: str, roles: tuple[str, ...]) -> None:
    """录入一名工作人员，口令与动态口令密钥只显示这一次。"""
    password = secrets.token_urlsafe(12)
    person = NewOfficer(username, full_name, staff_no, frozenset(roles))
    with _plain_words(), database().begin() as session:
        secret = add_officer(session, settings(), person, password)
    _tell_officer(username, password, secret)


@officer_commands.command("reset")
@click.argument("username")
def officer_reset(username: str) -> None:
    """换发口令与动态口令密钥，原有会话全部失效。"""
    password = secrets.token_urlsafe(12)
    with _plain_words(), database().begin() as session:
        secret = reset_officer(session, settings(), username, password)
    _tell_officer(username, password, secret)


@officer_commands.command("retire")
@click.argument("username")
def officer_retire(username: str) -> None:
    """停用一名工作人员，其会话即时失效；不删除。"""
    with _plain_words(), database().begin() as session:
        retire_officer(session, username)
    click.echo(f"已停用 {username}")


@client_commands.command("add")
@click.argument("client_id")
@click.option("--title", required=True, help="系统名称")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(sorted(SCOPES)), help="可多次"
)
@click.option("--bank-code", help="银行客户端必填")
def client_add(client_id: str, title: str, scopes: tuple[str, ...], bank_code: str | None) -> None:
    """登记一个外部系统，密钥只显示这一次。"""
    with _plain_words(), database().begin() as session:
        secret = add_client(session, client_id, title=title, scopes=set(scopes), bank_code=bank_code)
    click.echo(f"client_id:     {client_id}")
    click.echo(f"client_secret: {secret}")
    click.echo("密钥只显示这一次，请妥善交付。")


@client_commands.command("retire")
@click.argument("client_id")
def client_retire(client_id: str) -> None:
    """停用一个外部系统，其令牌即时失效；不删除。"""
    with _plain_words(), database().begin() as session:
        retire_client(session, client_id)
    click.echo(f"已停用 {client_id}")


@contextmanager
def _plain_words() -> Iterator[None]:
    """An error of ours ends the command with its sentence, not with a traceback (命令行提示)."""
    try:
        yield
    except Invalid as error:
        raise click.ClickException(
            "；".join(f"{name}：{said}" for name, said in error.errors.items())
        ) from None
    except EscrowError as error:
        raise click.ClickException(error.detail) from None


def _tell_officer(username: str, password: str, secret: str) -> None:
    click.echo(f"username:    {username}")
    click.echo(f"password:    {password}")
    click.echo(f"totp_secret: {secret}")
    click.echo(f"otpauth:     {totp_uri(secret, username)}")
    click.echo("以上只显示这一次，请当面交付本人。")
