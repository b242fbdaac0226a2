"""The Celery application: `celery -A billing_project worker` and `celery -A billing_project beat`."""

import os
from typing import Any

import structlog
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_project.settings")

app = Celery("billing_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Celery leaves logging alone when something listens here; settings have configured it."""


@signals.worker_init.connect
def refuse_a_role_above_row_level_security(**kwargs: Any) -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connection

    from tenants.database import verify_database_role

    try:
        verify_database_role()
    except ImproperlyConfigured as error:
        # Celery swallows what a signal's receiver raises, save this.
        raise SystemExit(str(error)) from error
    finally:
        connection.close()


@signals.task_prerun.connect
def bind_task_to_log(task_id: str, task: Any, **kwargs: Any) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def unbind_task_from_log(**kwargs: Any) -> None:
    structlog.contextvars.clear_contextvars()
