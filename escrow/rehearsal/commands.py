"""flask demo, flask replay: the county played through the doors (演示数据与演练)."""

import os
import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from escrow.doors import settings
from escrow.errors import EscrowError


@click.command()
@with_appcontext
def demo() -> None:
    """装入演示数据：客户端、人员、处于各个阶段的项目；凭据写入数据目录。"""
    from escrow.rehearsal.demo import load
    from escrow.rehearsal.wires import Unexpected

    try:
        for line in load(current_app, settings().data_dir):
            click.echo(line)
    except EscrowError as error:
        raise click.ClickException(error.detail) from None
    except Unexpected as unexpected:
        raise click.ClickException(f"演示数据没有装完：{unexpected}") from None


@click.command()
@click.option("--region", default="141130", show_default=True, help="县级行政区划代码")
@click.option("--projects", default=71, show_default=True, type=click.IntRange(1), help="项目数")
@click.option("--units", default=3282, show_default=True, type=click.IntRange(1), help="总套数")
@click.option("--seed", default=1, show_default=True, help="随机种子：相同种子演同一个县")
@click.option("--url", default=None, help="服务地址，默认 http://127.0.0.1:$PORT")
@click.option("--clients", default=4, show_default=True, type=click.IntRange(1, 32), help="同时办理的窗口数")
@click.option("--credentials", type=click.Path(path_type=Path), default=None, help="凭据文件，默认在数据目录")
@with_appcontext
def replay(
    region: str, projects: int, units: int, seed: int, url: str | None, clients: int, credentials: Path | None
) -> None:
    """按一个县的规模，把项目、合同、缴存、备案经由接口演一遍，并核对账目。"""
    from escrow.rehearsal.county import Size
    from escrow.rehearsal.play import Stage, perform
    from escrow.rehearsal.wires import Unexpected

    stage = Stage(
        url=url or f"http://127.0.0.1:{os.environ.get('PORT') or settings().port}",
        credentials=credentials or settings().data_dir / "demo-credentials.json",
        clients=clients,
    )
    try:
        size = Size(region, projects, units)
        fine = perform(size, seed, stage)
    except (ValueError, OSError, Unexpected) as stopped:
        raise click.ClickException(str(stopped)) from None
    if not fine:
        sys.exit(1)
