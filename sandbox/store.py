"""State: in memory for reading, written through to SQLite before an answer leaves.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a commit is in the kernel's hands when the answer goes out, so a
killed process loses nothing that it answered.
"""

import json
import secrets
import sqlite3
import string
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (slug TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
  UNIQUE (account, kind, id));
CREATE TABLE IF NOT EXISTS answers (
  account TEXT NOT NULL, key TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS requests (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, account TEXT, time REAL NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS requests_by_id ON requests (id);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL, next_at REAL NOT NULL, last_status INTEGER, last_error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS faults (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, time REAL NOT NULL,
  body TEXT NOT NULL);
"""
ALPHABET = string.ascii_letters + string.digits
KEY_LIFETIME = 24 * 3600


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def owner_of(obj: Json) -> Any:
    """The customer that an object belongs to; some kinds do not show it."""
    return obj.get("customer") or obj.get("_customer")


class Shelf:
    """All objects of one kind in one account, in the order they were made, findable by customer."""

    def __init__(self) -> None:
        self.items: dict[str, Json] = {}
        self.order: list[str] = []
        self.position: dict[str, int] = {}
        self.by_customer: dict[str, dict[str, None]] = {}

    def put(self, obj: Json) -> None:
        if obj["id"] not in self.position:
            self.position[obj["id"]] = len(self.order)
            self.order.append(obj["id"])
        self.items[obj["id"]] = obj
        customer = owner_of(obj)
        if isinstance(customer, str):
            self.by_customer.setdefault(customer, {})[obj["id"]] = None

    def of_customer(self, customer: str) -> list[Json]:
        """Newest first."""
        ids = reversed(self.by_customer.get(customer, {}))
        return [obj for obj in map(self.items.get, ids) if obj is not None and owner_of(obj) == customer]

    def newest_first(self) -> Iterator[Json]:
        return (self.items[object_id] for object_id in reversed(self.order) if object_id in self.items)


@dataclass
class Account:
    slug: str
    id: str
    name: str
    country: str
    default_currency: str
    publishable_key: str
    secret_keys: list[str]
    per_second: float | None = 100
    shelves: dict[str, Shelf] = field(default_factory=dict)
    answers: dict[str, Json] = field(default_factory=dict)
    running_keys: set[str] = field(default_factory=set)
    recent: list[float] = field(default_factory=list)

    def shelf(self, kind: str) -> Shelf:
        found = self.shelves.get(kind)
        if found is None:
            found = self.shelves[kind] = Shelf()
        return found

    def describe(self) -> Json:
        names = ("slug", "id", "name", "country", "default_currency", "publishable_key", "secret_keys", "per_second")
        return {name: getattr(self, name) for name in names}


class Store:
    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.db = sqlite3.connect(folder / "sandbox.sqlite3", isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(SCHEMA)
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.dirty: dict[tuple[str, str, str], Json] = {}
        self.pending: list[tuple[str, tuple[Any, ...]]] = []
        self.load()

    def load(self) -> None:
        for (body,) in self.db.execute("SELECT body FROM accounts"):
            self.register(Account(**json.loads(body)))
        for slug, kind, body in self.db.execute("SELECT account, kind, body FROM objects ORDER BY seq"):
            self.accounts[slug].shelf(kind).put(json.loads(body))
        oldest = time.time() - KEY_LIFETIME
        self.db.execute("DELETE FROM answers WHERE created < ?", (oldest,))
        for slug, key, body in self.db.execute("SELECT account, key, body FROM answers"):
            self.accounts[slug].answers[key] = json.loads(body)

    def register(self, account: Account) -> None:
        self.accounts[account.slug] = account
        for key in (account.publishable_key, *account.secret_keys):
            self.by_key[key] = account

    def save_account(self, account: Account) -> None:
        self.register(account)
        body = json.dumps(account.describe())
        self.queue(
            "INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", account.slug, body
        )

    def save(self, account: Account, obj: Json) -> None:
        account.shelf(obj["object"]).put(obj)
        self.dirty[(account.slug, obj["object"], obj["id"])] = obj

    def remove(self, account: Account, kind: str, object_id: str) -> None:
        account.shelf(kind).items.pop(object_id, None)
        self.dirty.pop((account.slug, kind, object_id), None)
        self.queue("DELETE FROM objects WHERE account = ? AND kind = ? AND id = ?", account.slug, kind, object_id)

    def queue(self, sql: str, *values: Any) -> None:
        """A write that goes out with the next commit."""
        self.pending.append((sql, values))

    def commit(self) -> None:
        """Everything saved since the last commit, in one transaction."""
        if not self.dirty and not self.pending:
            return
        self.db.execute("BEGIN")
        try:
            self.db.executemany(
                "INSERT INTO objects (account, kind, id, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (account, kind, id) DO UPDATE SET body = excluded.body",
                [(*key, json.dumps(obj, separators=(",", ":"))) for key, obj in self.dirty.items()],
            )
            for sql, values in self.pending:
                self.db.execute(sql, values)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        self.dirty.clear()
        self.pending.clear()

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, tuple(values)).fetchall()

    def reset(self, account: Account | None) -> None:
        """Forget objects, idempotency keys, requests and deliveries of one account, or all accounts altogether."""
        chosen = [account] if account else list(self.accounts.values())
        if account is None:
            self.accounts.clear()
            self.by_key.clear()
            self.queue("DELETE FROM accounts")
            self.queue("DELETE FROM requests")
        self.dirty.clear()
        for one in chosen:
            one.shelves.clear()
            one.answers.clear()
            for table in ("objects", "answers", "requests", "deliveries"):
                self.queue(f"DELETE FROM {table} WHERE account = ?", one.slug)  # noqa: S608
        self.commit()

    def close(self) -> None:
        self.commit()
        self.db.close()
