"""`python -m bench [--customers N] [--changes N] [--subscriptions N]`: on servers and a database of its own, with the
real sandbox."""

import argparse
import os
import tempfile
from itertools import chain
from pathlib import Path

import tests.environment  # noqa: F401  (before Django: servers of our own)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--customers", type=int, default=5000, help="rows behind the list page (default 5000)")
    parser.add_argument("--changes", type=int, default=60, help="changes to carry out (default 60)")
    parser.add_argument(
        "--subscriptions", type=int, default=20000, help="subscriptions to bill and to show (default 20000)"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_project.settings")

    import django

    django.setup()
    from bench.billing import billing_run
    from bench.dashboard import dashboard
    from bench.documents import documents
    from bench.measurements import measure_all
    from tests import database
    from tests.processes import Sandbox

    name = database.create_test_database()
    try:
        with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder)) as sandbox:
            for row in chain(
                measure_all(sandbox, customers=arguments.customers, changes=arguments.changes),
                (measure(arguments.subscriptions) for measure in (billing_run, dashboard)),
                documents(),
            ):
                print(row, flush=True)
    finally:
        with database.admin_connection() as admin:
            database.drop_database(admin, name)


if __name__ == "__main__":
    main()
