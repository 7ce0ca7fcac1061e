"""Where web server, worker and `flask` find the house (入口)."""

from escrow.application import create_app

app = create_app()
celery = app.extensions["celery"]
