"""The house's own commands: flask verify, law, and those the rooms bring (命令)."""

import sys
from pathlib import Path

import click
import psycopg
from flask import Flask
from flask.cli import with_appcontext

from config.regulations import listed, report
from escrow.access.commands import client_commands, officer_commands
from escrow.doors import settings
from escrow.maintenance.checks import verify as verify_fund
from escrow.rehearsal.commands import demo, replay
from ledger import checks
from ledger.seals import HEAD_FILE


def register_commands(app: Flask) -> None:
    """Make every command known to `flask` (登记命令)."""
    for command in (verify, law, officer_commands, client_commands, demo, replay):
        app.cli.add_command(command)


@click.command()
@click.option("--head", type=click.Path(path_type=Path), help="上次核验留在库外的封存头；默认在数据目录")
@with_appcontext
def verify(head: Path | None) -> None:
    """核验全部账簿：每项检查一行，有不符即以 1 退出。"""
    kept = head or settings().data_dir / HEAD_FILE
    try:
        connection = psycopg.connect(settings().verifier_url)
    except psycopg.OperationalError as error:
        raise click.ClickException(f"连不上数据库，账簿没有核验：{str(error).strip().splitlines()[0]}") from None
    with connection:
        findings = [*checks.run(connection, head=kept), *verify_fund(connection)]
    for finding in findings:
        click.echo(f"{'通过' if finding.ok else '不符'}  {finding.check}  {finding.detail}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@click.command()
def law() -> None:
    """列出各地规定的取值与依据；一年以上未核对原文的予以提示。"""
    for line in (*listed(), *report()):
        click.echo(line)
