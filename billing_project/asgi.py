"""ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_project.settings")
application = get_asgi_application()

from billing_project.startup import refuse_unsafe_start  # noqa: E402  (needs the application registry)

refuse_unsafe_start()
