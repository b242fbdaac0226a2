"""`make run`: everything on one machine, from wheels; Ctrl-C ends it all.

    python -m tools.run [--port 8000] [--sandbox-port 8001] [--no-demo]

Data stays in `var/` (or VAR_DIR), output of each piece in its `log/`. A piece that dies is started again, and it is
said.
"""

import argparse
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from tools.devenv import FILE_NAME, development_environment, write_env
from tools.launch import end_with_parent
from tools.services import BASE_DIR, HOST, Postgres, Service, ServiceError, Valkey, launch, stop, tail

VAR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))
LOGS = VAR / "log"
START_PATIENCE_SECONDS = 60.0
RESTARTS_PER_MINUTE = 5
WORKER_THREADS = 24
WEB_THREADS = 8


class StopAsked(Exception):
    """Ctrl-C or SIGTERM."""


def say(line: str) -> None:
    print(line, flush=True)


@dataclass
class Piece:
    """One process of the product: how it starts, how it ends, and when it was started again."""

    name: str
    command: list[str]
    extra_environment: dict[str, str] = field(default_factory=dict)
    death_signal: str = "TERM"
    patience_seconds: float = 15.0
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)
    given_up: bool = False

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    def start(self) -> None:
        environment = os.environ | self.extra_environment
        self.process = launch(self.command, log=self.log, death_signal=self.death_signal, environment=environment)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, patience=self.patience_seconds)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def restart_if_ended(self) -> None:
        """Start it again, but not for ever: what cannot live is left to a person."""
        if self.given_up or self.process is None or self.process.poll() is None:
            return
        recent = [moment for moment in self.restarts if time.monotonic() - moment < 60]
        if len(recent) >= RESTARTS_PER_MINUTE:
            self.given_up = True
            say(f"{self.name} ended {len(recent) + 1} times within a minute and stays down; see {shown(self.log)}:")
            say(tail(self.log))
            return
        say(f"{self.name} ended ({exit_words(self.process.returncode)}); starting it again.")
        self.restarts = [*recent, time.monotonic()]
        self.start()


def exit_words(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def shown(path: Path) -> str:
    return os.path.relpath(path, BASE_DIR)


def pieces(environment: dict[str, str], port: int, sandbox_port: int) -> dict[str, Piece]:
    """The processes in the order in which they start; docs/operate.md tells how to start each alone."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "billing_project"]
    smtp = str(urlsplit(environment["EMAIL_URL"]).port)
    bounces = f"http://{environment['ANYMAIL_WEBHOOK_SECRET']}@{HOST}:{port}/anymail/postmark/tracking/"
    sandbox = [*python, "sandbox", "--port", str(sandbox_port), "--data", str(VAR / "sandbox")]
    sandbox += ["--smtp-port", smtp, "--mail-webhook-url", bounces]
    web = [*python, "gunicorn", "billing_project.wsgi", "--bind", f"{HOST}:{port}", "--worker-class", "gthread"]
    web += ["--workers", "2", "--threads", str(WEB_THREADS), "--graceful-timeout", "5", "--no-control-socket"]
    web += ["--reload"] if environment["DEBUG"].lower() in {"1", "true", "on", "yes"} else []
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", str(WORKER_THREADS)]
    worker += ["--without-gossip", "--without-mingle"]
    return {
        "sandbox": Piece("sandbox", sandbox),
        "web": Piece("web", web, {"DATABASE_POOL_SIZE": str(WEB_THREADS)}),
        # Were we killed, the broker would die beside the worker, and a warm shutdown would wait for it.
        "worker": Piece(
            "worker", worker, {"DATABASE_POOL_SIZE": str(WORKER_THREADS)}, death_signal="KILL", patience_seconds=30
        ),
        "beat": Piece("beat", [*celery, "beat", "--schedule", str(VAR / "beat-schedule")], death_signal="KILL"),
    }


@contextmanager
def only_one() -> Iterator[None]:
    """Hold `var/run.lock`; a second run in the same folder is told who has it, and ends."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServiceError(f"It is running already in this folder ({lock.read().strip()}).") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


def require_free_port(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            other = port + 1000 if port < 60000 else 9000
            raise ServiceError(
                f"Port {port} cannot be had ({error.strerror}). Choose another: make run {variable}={other}"
            ) from error


def manage(*arguments: str) -> str:
    """Run a management command to its end and return what it printed; raises ServiceError with the end of its log."""
    log = LOGS / "setup.log"
    with log.open("ab") as errors:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=errors, text=True)
    with log.open("a") as output:
        output.write(done.stdout)
    if done.returncode != 0:
        raise ServiceError(f"`manage.py {' '.join(arguments)}` failed. The end of {shown(log)}:\n{tail(log, 30)}")
    return done.stdout


def static_fingerprint() -> str:
    """Changes whenever a static file of ours or a dependency's version does."""
    digest = hashlib.sha256((BASE_DIR / "uv.lock").read_bytes())
    for folder in (BASE_DIR / "static", *BASE_DIR.glob("*/static")):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            state = file.stat()
            digest.update(f"{file}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect_static() -> None:
    """Put static files where WhiteNoise serves them, when they have changed."""
    stamp, now = BASE_DIR / "staticfiles" / ".collected", static_fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    manage("collectstatic", "--noinput", "--clear", "--verbosity=0")
    stamp.write_text(now)


def load_demo_data() -> None:
    """Once: until it has come to its end. What the command prints are the sign-ins, kept for every later start."""
    sign_ins = VAR / "sign-ins.txt"
    if not sign_ins.exists():
        say("Loading demo data ...")
        sign_ins.write_text(manage("load_demo"))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  (our own address)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(piece: Piece, url: str) -> None:
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while not answers(url):
        if piece.has_ended() or time.monotonic() > deadline:
            raise ServiceError(f"{piece.name} did not start. The end of {shown(piece.log)}:\n{tail(piece.log, 30)}")
        time.sleep(0.05)


def announce(port: int, sandbox_port: int, seconds: float) -> None:
    site, sandbox = f"http://{HOST}:{port}/", f"http://{HOST}:{sandbox_port}/"
    say(f"\nEverything runs (after {seconds:.0f} s). Ctrl-C ends it.\n")
    say(f"  Site       {site}")
    say(f"  Gateway    {sandbox}         the sandbox that stands in for Stripe")
    say(f"  Inbox      {sandbox}inbox/   every e-mail and text message that was sent")
    sign_ins = VAR / "sign-ins.txt"
    if sign_ins.exists():
        say("\n" + "\n".join(f"  {line}" for line in sign_ins.read_text().strip().splitlines()))
    say(f"\n  Logs       {shown(LOGS)}/*.log")
    say("  Commands   .venv/bin/python manage.py ...   work in another terminal as they are\n")


def watch(services: list[Service], running: dict[str, Piece]) -> None:
    """Until told to stop: whatever dies is started again."""
    failures: list[float] = []
    while True:
        time.sleep(0.5)
        for service in services:
            if service.process is not None and service.process.poll() is not None:
                failures = [moment for moment in failures if time.monotonic() - moment < 60] + [time.monotonic()]
                if len(failures) > RESTARTS_PER_MINUTE:
                    raise ServiceError(f"{service.name} keeps ending; see {shown(service.log)}.")
                say(f"{service.name} ended ({exit_words(service.process.returncode)}); starting it again.")
                try:
                    service.start()
                except ServiceError as error:  # what it left behind may not have ended yet; the next round tries again
                    say(str(error))
        for piece in running.values():
            piece.restart_if_ended()


def on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def ask_to_stop(number: int, frame: FrameType | None) -> None:
    on_signals(signal.SIG_IGN)  # type: ignore[arg-type]
    raise StopAsked


def run(port: int, sandbox_port: int, *, demo: bool) -> None:
    """Start everything, watch it, and on the way out end it in the reverse order."""
    started = time.monotonic()
    require_free_port(port, "PORT")
    require_free_port(sandbox_port, "SANDBOX_PORT")
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(VAR / "postgres", log=LOGS / "postgres.log"))
        valkey = stack.enter_context(Valkey(VAR / "valkey", log=LOGS / "valkey.log"))
        postgres.ensure_roles()
        environment = development_environment(
            VAR, postgres=postgres, valkey=valkey, port=port, sandbox_port=sandbox_port
        )
        write_env(VAR / FILE_NAME, environment)
        os.environ.update(environment)
        running = pieces(environment, port, sandbox_port)
        (LOGS / "setup.log").unlink(missing_ok=True)
        start(running["sandbox"], stack)
        with ThreadPoolExecutor() as pool:
            migrating, collecting = pool.submit(manage, "migrate", "--verbosity=1"), pool.submit(collect_static)
        migrating.result()
        collecting.result()
        start(running["web"], stack)
        wait_for(running["sandbox"], f"http://{HOST}:{sandbox_port}/healthz")
        if demo:
            load_demo_data()
        # Workers come last: they would act on demo rows that the gateway does not know yet.
        start(running["worker"], stack)
        start(running["beat"], stack)
        wait_for(running["web"], f"http://{HOST}:{port}/readyz")
        announce(port, sandbox_port, time.monotonic() - started)
        watch([postgres, valkey], running)


def start(piece: Piece, stack: ExitStack) -> None:
    piece.start()
    stack.callback(piece.stop)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.run", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--sandbox-port", type=int, default=8001)
    parser.add_argument("--no-demo", action="store_true", help="start empty: load no demonstration tenants")
    options = parser.parse_args()
    if os.environ.get("MAKELEVEL"):
        end_with_parent("TERM", os.getppid())
    on_signals(ask_to_stop)
    try:
        with only_one():
            run(options.port, options.sandbox_port, demo=not options.no_demo)
    except StopAsked:
        say("Ended.")
        return 0
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
