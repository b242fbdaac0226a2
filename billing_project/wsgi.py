"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_project.settings")
application = get_wsgi_application()

from billing_project.startup import refuse_unsafe_start  # noqa: E402  (needs the application registry)

refuse_unsafe_start()
