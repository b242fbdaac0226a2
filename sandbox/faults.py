"""Faults on demand: rules that make some requests slow, refused, dropped or answered wrongly."""

import fnmatch
import json
import random
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from .store import Account, Store, random_text

API_KINDS = (
    "latency",
    "rate_limited",
    "server_error",
    "conflict",
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "error_after",
)
WEBHOOK_KINDS = ("webhook_double", "webhook_delay", "webhook_drop")
KINDS = API_KINDS + WEBHOOK_KINDS


@dataclass
class Rule:
    """``path`` is a glob, or a regular expression when it starts with ``^``; webhook kinds match event types with it.

    ``times`` counts down to removal; ``stored`` says whether an idempotency key remembers a 500 (as Stripe's does once
    execution has begun).
    """

    kind: str
    account: str | None = None
    method: str | None = None
    path: str | None = None
    probability: float = 1.0
    times: int | None = None
    latency_seconds: float | None = None
    seed: int | None = None
    retry_after: float | None = 1
    should_retry: str | None = None
    stored: bool = True
    id: str = field(default_factory=lambda: "fault_" + random_text(10))

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if isinstance(self.should_retry, bool):
            self.should_retry = str(self.should_retry).lower()
        if self.path and self.path.startswith("^"):
            re.compile(self.path)
        self.random = random.Random(self.seed)

    def matches(self, account: Account, method: str | None, path: str) -> bool:
        if self.account not in (None, "", account.slug):
            return False
        if method is not None and self.method and self.method.upper() != method:
            return False
        if not self.path:
            return True
        return bool(re.search(self.path, path)) if self.path.startswith("^") else fnmatch.fnmatchcase(path, self.path)

    def describe(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    def __init__(self, store: Store):
        self.store = store
        self.rules: list[Rule] = []
        for (body,) in store.rows("SELECT body FROM faults ORDER BY rowid"):
            self.rules.append(Rule(**json.loads(body)))

    def add(self, rules: list[Rule]) -> None:
        self.rules.extend(rules)
        self.keep()

    def clear(self, rule_id: str | None = None, account: str | None = None) -> None:
        if rule_id is not None:
            self.rules = [rule for rule in self.rules if rule.id != rule_id]
        elif account is not None:
            self.rules = [rule for rule in self.rules if rule.account != account]
        else:
            self.rules = []
        self.keep()

    def keep(self) -> None:
        self.store.queue("DELETE FROM faults")
        for rule in self.rules:
            self.store.queue("INSERT INTO faults VALUES (?, ?)", rule.id, json.dumps(rule.describe()))
        self.store.commit()

    def pick(self, account: Account, method: str, path: str) -> list[Rule]:
        """The faults of one request: every latency that strikes, and the first other one."""
        struck: list[Rule] = []
        for rule in list(self.rules):
            if rule.kind not in API_KINDS or (rule.kind != "latency" and any(one.kind != "latency" for one in struck)):
                continue
            if rule.matches(account, method, path) and self.strikes(rule):
                struck.append(rule)
        return struck

    def pick_for_event(self, account: Account, event_type: str) -> Rule | None:
        for rule in list(self.rules):
            if rule.kind in WEBHOOK_KINDS and rule.matches(account, None, event_type) and self.strikes(rule):
                return rule
        return None

    def strikes(self, rule: Rule) -> bool:
        if rule.random.random() >= rule.probability:
            return False
        if rule.times is not None:
            rule.times -= 1
            if rule.times <= 0:
                self.rules.remove(rule)
            self.keep()
        return True
