"""`manage.py load_demo`: two demonstration tenants, the same here and at the sandbox gateway."""

from typing import Any

from django.core.management.base import BaseCommand

from backoffice.demo.load import load
from backoffice.demo.people import sign_in_lines


class Command(BaseCommand):
    help = "Load two demonstration tenants beside the sandbox gateway, once; prints who may sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        load()
        self.stdout.write("\n".join(sign_in_lines()))
