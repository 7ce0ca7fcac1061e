"""How the web server runs: two processes of eight threads on the loopback, loaded once (网页服务参数)."""

import gc
import os
import shutil
from pathlib import Path
from typing import Any

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
preload_app = True
timeout = 30
graceful_timeout = 10
keepalive = 30
limit_request_line = 8190
limit_request_fields = 64
# Nobody steers it from beside; two houses on one machine would fight for the socket.
control_socket_disable = True
errorlog = "-"
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Figures of processes that are gone are thrown away before the first is counted."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)


def post_fork(server: Any, worker: Any) -> None:
    """No connection is shared between processes: whatever was opened while loading stays with the parent.

    What was loaded stays loaded: the collector need not walk it again and again.
    """
    gc.freeze()
    server.app.wsgi().extensions["database"].engine.dispose(close=False)


def child_exit(server: Any, worker: Any) -> None:
    """A process that ended takes its gauges with it."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
