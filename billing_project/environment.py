"""Reads the process's environment, then `.env`, then `var/dev.env` (written by `make run`); earlier ones win.

ENV_FILES names other files instead, separated by colons; empty, the process's environment is all there is.
"""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
for name in filter(None, os.environ.get("ENV_FILES", ".env:var/dev.env").split(":")):
    if (file := BASE_DIR / name).exists():
        environ.Env.read_env(file, overwrite=False)

#: What every deployment must say for itself, and why.
REQUIRED = {
    "SECRET_KEY": "signs sessions and invitation links; at least 50 random characters",
    "ENCRYPTION_KEYS": "encrypts gateway keys at rest; comma-separated Fernet keys, the newest first",
    "DATABASE_URL": "the application's PostgreSQL role, e.g. postgres://billing_app:...@db:5432/billing",
    "REDIS_URL": "Valkey or Redis for Celery, rate limits and the cache, e.g. redis://valkey:6379/0",
    "BASE_URL": "the public address that links in mails and text messages begin with, e.g. https://billing.example.com",
    "ALLOWED_HOSTS": "comma-separated host names that this site answers to",
    "DEFAULT_FROM_EMAIL": "the sender of mails when a tenant names none",
    "EMAIL_URL_OR_ANYMAIL_ESP": "EMAIL_URL for SMTP, or ANYMAIL_ESP with the provider's ANYMAIL_* keys",
}


def missing_settings() -> list[str]:
    """Names from REQUIRED that the environment does not give, each with what it is for."""
    missing = []
    for name, purpose in REQUIRED.items():
        alternatives = ("EMAIL_URL", "ANYMAIL_ESP") if name == "EMAIL_URL_OR_ANYMAIL_ESP" else (name,)
        if not any(env.str(alternative, default="") for alternative in alternatives):
            missing.append(f"{' or '.join(alternatives)}: {purpose}")
    return missing


def refuse_when_incomplete() -> None:
    """Raise ImproperlyConfigured with every missing name at once, so that one read mends them all."""
    missing = missing_settings()
    if missing:
        raise ImproperlyConfigured(
            "These settings are missing from the environment (see .env.example):\n  " + "\n  ".join(missing)
        )
