"""Is the process up, can it work, and what has it done (系统健康)."""

import time
from contextlib import suppress

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from escrow.doors import answer, database, settings
from escrow.errors import Busy
from escrow.workdays.lists import missing_years

health = Blueprint("health", __name__)
REGISTRY = CollectorRegistry()
REQUESTS = Counter("escrow_requests", "请求数", ["method", "endpoint", "status"], registry=REGISTRY)
LATENCY = Histogram("escrow_request_seconds", "请求用时（秒）", ["endpoint"], registry=REGISTRY)
# With a label, so that its file is made at the first scrape and not before the folder for it stands.
MISSING_YEARS = Gauge(
    "escrow_working_years_missing", "放假通知应录未录的年数；不为零则期限将被拒绝", ["region"],
    registry=REGISTRY, multiprocess_mode="mostrecent",
)  # fmt: skip
# The newest migration this release was written for (本版所需的迁移).
SCHEMA = "0082"

_READY = text("""
SELECT (SELECT version_num FROM alembic_version) AS version,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS is_read_only,
       has_function_privilege(current_user, p.oid, 'EXECUTE') AS may_post
  FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
 WHERE s.nspname = 'ledger' AND p.proname = 'post_entries'
""")


@health.get("/healthz")
def healthz() -> Response:
    """The process answers (进程在运行)."""
    return answer({"status": "ok"})


@health.get("/readyz")
def readyz() -> Response:
    """Database reachable, migrations current, ledger writable (可以办理业务)."""
    with database().begin() as session:
        found = session.execute(_READY).one_or_none()
        if found is None or found.version < SCHEMA or found.is_read_only or not found.may_post:
            raise Busy("数据库尚未就绪：迁移未到位，或账簿不可写")
        missing = missing_years(session, settings().region)
    warnings = [f"{year} 年的放假通知尚未录入" for year in missing]
    return answer({"status": "ready", "migration": found.version, "warnings": warnings})


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus text (指标); it answers without a database too, then with figures that are older."""
    with suppress(DBAPIError), database().read() as session:
        region = settings().region
        MISSING_YEARS.labels(region).set(len(missing_years(session, region)))
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def measure(app: Flask) -> None:
    """Count and time every request (计数与计时)."""

    @app.before_request
    def _start() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def _count(response: Response) -> Response:
        endpoint = request.endpoint or "unknown"
        REQUESTS.labels(request.method, endpoint, response.status_code).inc()
        if began := getattr(g, "began", None):
            LATENCY.labels(endpoint).observe(time.perf_counter() - began)
        return response
