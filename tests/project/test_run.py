"""`make run`'s supervisor, for real, in a data folder and on ports of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.environment import held_port
from tests.processes import PATIENCE_SECONDS, wait_until
from tools.devenv import read_env
from tools.services import BASE_DIR


def living_processes() -> dict[int, tuple[int, str]]:
    """Parent and command line by process id, without those that have ended and wait to be noticed."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has just ended
        if state != "Z":
            found[int(folder.name)] = (int(parent), command)
    return found


class Supervisor:
    """`python -m tools.run` with its data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.sandbox_port = held_port(), held_port()
        self.output = folder / "output.txt"
        # As from a terminal: nothing of the tests' own environment.
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        self.environment = kept | {"VAR_DIR": str(folder / "var"), "ENV_FILES": ""}

    def command(self) -> list[str]:
        ports = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port), "--no-demo"]
        return [sys.executable, "-m", "tools.run", *ports]

    def start(self) -> None:
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(self.command(), cwd=BASE_DIR, env=self.environment, stdout=out, stderr=out)

    def has_announced(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "Everything runs" in self.said()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return self.output.read_text()

    def children(self) -> dict[int, str]:
        """Process ids with their command lines, of every child and grandchild that lives."""
        family, found = {self.process.pid}, {}
        for _ in range(3):
            found = {pid: command for pid, (parent, command) in living_processes().items() if parent in family}
            family |= set(found)
        return found

    def child(self, words: str) -> int:
        """The oldest child whose command has these words; 0 when there is none."""
        return next((pid for pid, command in sorted(self.children().items()) if words in command), 0)

    def ask(self) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=30)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    supervisor.start()
    try:
        wait_until(supervisor.has_announced, what="the announcement")
        yield supervisor
    finally:
        supervisor.kill()


def test_runs_everything_restarts_what_dies_and_ends_in_order(supervisor: Supervisor) -> None:
    assert supervisor.ask().json() == {"database": True, "cache": True}
    environment_file = supervisor.folder / "var" / "dev.env"
    assert environment_file.stat().st_mode & 0o777 == 0o600
    assert "billing_app" in read_env(environment_file)["DATABASE_URL"]

    again = subprocess.run(
        supervisor.command(), cwd=BASE_DIR, env=supervisor.environment, capture_output=True, text=True
    )
    assert again.returncode == 1
    assert "running already in this folder" in again.stderr

    other_folder = supervisor.environment | {"VAR_DIR": str(supervisor.folder / "other")}
    taken = subprocess.run(supervisor.command(), cwd=BASE_DIR, env=other_folder, capture_output=True, text=True)
    assert taken.returncode == 1
    assert f"make run PORT={supervisor.port + 1000}" in taken.stderr or "make run PORT=9000" in taken.stderr

    for words in ("postgres -D", "valkey-server", "celery -A billing_project worker"):
        killed = wait_until(lambda words=words: supervisor.child(words), what=words)
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda words=words, killed=killed: supervisor.child(words) not in {0, killed}, what=f"another {words}"
        )
    wait_until(lambda: supervisor.ask().status_code == 200, what="readiness")
    assert supervisor.said().count("starting it again") == 3 + supervisor.said().count("did not start")

    family = supervisor.children()
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(PATIENCE_SECONDS) == 0
    assert supervisor.said().rstrip().endswith("Ended.")
    assert not family.keys() & living_processes().keys()


def test_leaves_no_orphan_when_killed(supervisor: Supervisor) -> None:
    family = supervisor.children()
    assert len(family) >= 8
    supervisor.kill()
    wait_until(lambda: not family.keys() & living_processes().keys(), what="every child to end")
