"""The environment of `make run`: chosen once, kept in `var/dev.env` (mode 0600), read by settings in any terminal."""

import base64
import os
import secrets
from pathlib import Path

from tools.services import HOST, Postgres, Valkey, remembered_port

FILE_NAME = "dev.env"


def read_env(file: Path) -> dict[str, str]:
    """NAME=value lines; empty when there is no such file."""
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def write_env(file: Path, values: dict[str, str]) -> None:
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.rename(file)


def kept_secrets(var: Path) -> dict[str, str]:
    """Secrets that data already depends on, from the last run, else new ones."""
    old = read_env(var / FILE_NAME)
    new = {
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "ANYMAIL_WEBHOOK_SECRET": f"mail:{secrets.token_urlsafe(24)}",
        "SMS_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "SMS_AUTH_TOKEN": secrets.token_hex(16),
    }
    return {name: old.get(name, value) for name, value in new.items()}


def development_environment(
    var: Path, *, postgres: Postgres, valkey: Valkey, port: int, sandbox_port: int
) -> dict[str, str]:
    """Every variable of a site at `port` with its sandbox at `sandbox_port`; secrets stay the same from run to run."""
    site, sandbox = f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}"
    return kept_secrets(var) | {
        "DEBUG": os.environ.get("DEBUG", "false"),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        "LOG_HUMAN": "true",
        "DATABASE_URL": postgres.url("billing_app", "billing"),
        "DATABASE_OWNER_URL": postgres.url("billing_owner", "billing"),
        "DATABASE_POOL_SIZE": "0",
        "REDIS_URL": valkey.url(),
        "BASE_URL": site,
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "CSRF_TRUSTED_ORIGINS": f"{site},http://localhost:{port}",
        "MEDIA_ROOT": str(var / "media"),
        "SANDBOX_URL": sandbox,
        "STRIPE_API_BASE": sandbox,
        "STRIPE_JS_URL": f"{sandbox}/js/stripe.js",
        "STRIPE_DASHBOARD_BASE": sandbox,
        "STRIPE_FRAME_ORIGINS": sandbox,
        "STRIPE_WEBHOOK_BASE_URL": site,
        "DEFAULT_FROM_EMAIL": "billing@example.com",
        "EMAIL_URL": f"smtp://{HOST}:{remembered_port(var / 'smtp-port')}",
        "SMS_API_BASE": sandbox,
        "SMS_FROM": "+15005550006",
    }
