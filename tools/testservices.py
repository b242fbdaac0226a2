"""PostgreSQL and Valkey for tests: fast, unsafe, thrown away.

    python -m tools.testservices start|stop|status

pytest starts a pair of its own when none runs; a pair started here is reused by every pytest until stopped, which
saves a second or two each time.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.services import BASE_DIR, Postgres, ServiceError, Valkey

TEST_DIR = BASE_DIR / "var" / "test"
ENV_FILE = TEST_DIR / "env"
VALKEY_DATABASES = 512


def process_is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    """Both servers with data in `folder`, removed at the end; yields the addresses as TEST_* variables."""
    shutil.rmtree(folder, ignore_errors=True)
    postgres = Postgres(folder / "postgres", log=folder / "postgres.log", durable=False)
    valkey = Valkey(folder / "valkey", log=folder / "valkey.log", durable=False, databases=VALKEY_DATABASES)
    try:
        with postgres, valkey:
            postgres.ensure_roles()
            yield {
                "TEST_POSTGRES_ADMIN_URL": postgres.url("postgres", "postgres"),
                "TEST_POSTGRES_OWNER_URL": postgres.url("billing_owner", "billing"),
                "TEST_POSTGRES_APP_URL": postgres.url("billing_app", "billing"),
                "TEST_VALKEY_URL": valkey.url(0),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_services() -> Iterator[dict[str, str]]:
    """Servers for this process alone; also removes what a killed process left."""
    for leftover in TEST_DIR.glob("run-*"):
        if not process_is_alive(int(leftover.name.removeprefix("run-"))):
            shutil.rmtree(leftover, ignore_errors=True)
    with services(TEST_DIR / f"run-{os.getpid()}") as addresses:
        yield addresses


def running_services() -> dict[str, str] | None:
    """The addresses of the servers that `start` left running, if they still do."""
    if not ENV_FILE.exists():
        return None
    values = dict(line.split("=", 1) for line in ENV_FILE.read_text().splitlines())
    return values if process_is_alive(int(values.pop("PID"))) else None


def serve() -> None:
    """Hold both servers until told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with services(TEST_DIR / "shared") as addresses:
        lines = [f"{name}={value}\n" for name, value in {"PID": os.getpid(), **addresses}.items()]
        draft = ENV_FILE.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text("".join(lines))
        draft.rename(ENV_FILE)
        try:
            while True:
                signal.pause()
        finally:
            ENV_FILE.unlink(missing_ok=True)


def start() -> None:
    if running_services():
        print("The test servers are running already.")
        return
    TEST_DIR.mkdir(parents=True, exist_ok=True)
    ENV_FILE.unlink(missing_ok=True)
    with (TEST_DIR / "services.log").open("wb") as log:
        holder = subprocess.Popen(
            [sys.executable, "-m", "tools.testservices", "serve"],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while not ENV_FILE.exists():
        if holder.poll() is not None:
            raise ServiceError((TEST_DIR / "services.log").read_text())
        time.sleep(0.05)
    print(f"The test servers run; their addresses are in {ENV_FILE.relative_to(BASE_DIR)}.")


def stop() -> None:
    if running_services() is None:
        print("No test servers run.")
        return
    pid = int(ENV_FILE.read_text().splitlines()[0].removeprefix("PID="))
    os.kill(pid, signal.SIGTERM)
    while process_is_alive(pid):
        time.sleep(0.05)
    print("The test servers have ended.")


def status() -> None:
    print("The test servers run." if running_services() else "No test servers run.")


COMMANDS = {"start": start, "stop": stop, "status": status, "serve": serve}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]]()
    except ServiceError as error:
        sys.exit(str(error))
