"""`make check`: every check of the code that runs without servers, two at a time; all are run, then all faults shown.

python -m tools.check [NAME ...]
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.services import BASE_DIR

BIN = Path(sys.executable).parent

#: A complete production environment; nothing in it is real or reached.
PRODUCTION_LIKE = {
    "ENV_FILES": "",
    "DEBUG": "false",
    "SECRET_KEY": "only-to-check-the-settings-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ENCRYPTION_KEYS": "b25seS10by1jaGVjay10aGUtc2V0dGluZ3MtMDAwMDA=",
    "DATABASE_URL": "postgres://billing_app:none@127.0.0.1:1/billing",
    "DATABASE_OWNER_URL": "",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "BASE_URL": "https://billing.example.com",
    "ALLOWED_HOSTS": "billing.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://billing.example.com",
    "DEFAULT_FROM_EMAIL": "billing@example.com",
    "EMAIL_URL": "smtp+tls://user:none@mail.example.com:587",
    "LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]


@dataclass(frozen=True)
class Outcome:
    check: Check
    passed: bool
    output: str
    seconds: float


def program(name: str, *arguments: str) -> list[str]:
    return [str(BIN / name), *arguments]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore::RuntimeWarning", "manage.py", *arguments]


CHECKS = [
    Check("types", program("mypy", ".")),
    Check("lint", program("ruff", "check", ".")),
    Check("format", program("ruff", "format", "--check", ".")),
    Check("layers", program("lint-imports", "--no-logo", "--cache-dir", "var/import-linter-cache")),
    Check("templates", program("djlint", "templates", "--lint", "--quiet")),
    Check("migrations", manage("makemigrations", "--check", "--dry-run")),
    Check("deployment", manage("check", "--deploy", "--fail-level", "WARNING")),
    Check("lock", program("uv", "lock", "--check", "--quiet")),
    Check("translations", [sys.executable, "-m", "tools.messages", "--check"]),
]


def carry_out(check: Check) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=BASE_DIR,
        env=os.environ | PRODUCTION_LIKE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    outcome = Outcome(check, done.returncode == 0, done.stdout.strip(), time.monotonic() - started)
    print(f"  {'ok  ' if outcome.passed else 'FAIL'}  {check.name:<13} {outcome.seconds:5.1f} s", flush=True)
    return outcome


def main(names: list[str]) -> int:
    unknown = set(names) - {check.name for check in CHECKS}
    if unknown:
        print(f"No such check: {', '.join(sorted(unknown))}. There are: {', '.join(c.name for c in CHECKS)}.")
        return 2
    wanted = [check for check in CHECKS if not names or check.name in names]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = list(pool.map(carry_out, wanted))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        print(f"\n--- {outcome.check.name}: {' '.join(outcome.check.command)}\n{outcome.output}")
    print(f"\n{len(outcomes) - len(failed)} checks passed, {len(failed)} failed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
