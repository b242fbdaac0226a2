"""The audit log in words."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from backoffice.words import ACTIONS, THINGS, action_words, actor_words, differences, value_words
from invitations.models import InvitationState

_ACTION = re.compile(r"""(?:\baction ?= ?|\bACTION ?= ?|_change\(actor, )f?"([a-z_]+\.[a-z_{}]+)\"""")


def actions_in_code() -> set[str]:
    """Every action that some service writes."""
    packages = [Path(config.path) for config in apps.get_app_configs()]
    files = [file for path in packages if path.parent == settings.BASE_DIR for file in path.rglob("*.py")]
    found = {name for file in files for name in _ACTION.findall(file.read_text())}
    ends = (InvitationState.EXPIRED, InvitationState.REVOKED)
    return {name for name in found if "{" not in name} | {f"invitation.{state}" for state in ends}


def test_every_action_has_its_sentence() -> None:
    assert actions_in_code() - ACTIONS.keys() == set()


def test_an_unknown_action_shows_its_own_name() -> None:
    assert action_words("thing.done_twice") == "Thing done twice"


def test_kinds_of_things_exist() -> None:
    for name in THINGS:
        assert apps.get_model(name)


def test_a_code_that_we_know_is_told_in_words() -> None:
    assert value_words("insufficient_funds", "error").startswith("There are not enough funds.")
    assert value_words("something_new", "error") == "something_new"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), ("", "–"), (False, "no"), (["a", "b"], "a, b"), ({"city": "Paris"}, "City: Paris"), (3, "3")],
)
def test_values(value: object, words: str) -> None:
    assert value_words(value) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("state", "past_due", "Past due"),
        ("role", "read_only", "Read-only"),
        ("kind", "set_default", "Default payment method chosen"),
        ("channels", ["email", "sms"], "E-mail, SMS"),
        ("state", "unheard of", "unheard of"),
    ],
)
def test_values_of_a_known_kind_have_words(name: str, value: object, words: str) -> None:
    assert value_words(value, name) == words


def test_a_moment_is_told_in_the_readers_zone() -> None:
    for written in ("2026-11-24T21:22:16.120907+00:00", "2026-11-24 21:22:16.120907+00:00"):
        assert value_words(written).startswith("Nov 24, 2026, 9:22")


def test_differences_tell_both_sides() -> None:
    assert differences({"name": "A"}, {"name": "B", "email": "x"}) == [("Name", "A", "B"), ("E-mail", None, "x")]


def test_amounts_are_told_as_money() -> None:
    told = differences({"balance_minor": 0}, {"balance_minor": 500, "currency": "CAD", "reason": "sorry"})
    assert told == [("Balance", "CA$0.00", "CA$5.00"), ("Reason", None, "sorry")]


def test_an_amount_without_a_currency_stays_as_it_is() -> None:
    assert differences({}, {"balance_returned_minor": 500}) == [("Balance returned minor", None, "500")]


@pytest.mark.parametrize(
    ("kind", "label", "words"),
    [
        ("customer_portal", "Bob Tremblay", "Bob Tremblay, in the portal"),
        ("customer_invitation", "Bob Tremblay", "Bob Tremblay, by invitation"),
        ("customer_pay_link", "Bob Tremblay", "Bob Tremblay, by the pay link"),
        ("staff", "Alice Martin", "Alice Martin"),
        ("system", "billing run", "Billing run"),
        ("system", "unheard of", "unheard of"),
    ],
)
def test_whoever_acted_is_named_with_the_door(kind: str, label: str, words: str) -> None:
    assert actor_words(kind, label) == words
