"""One billing run and its charges in a process of its own, at a given moment: `billing_day <tenant id> <moment>`."""

import os
import sys
from datetime import datetime
from uuid import UUID

import django
import time_machine


def main(tenant_id: UUID, moment: datetime) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "billing_project.settings"
    django.setup()
    from subscriptions.billing.run import bill_due
    from subscriptions.collection.engine import collect_due

    with time_machine.travel(moment, tick=False):
        while bill_due(tenant_id, now=moment).more:
            pass
        while collect_due(tenant_id, now=moment, seconds=60):
            pass


if __name__ == "__main__":
    main(UUID(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
