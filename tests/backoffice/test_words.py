"""The audit log in words."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from backoffice.words import ACTIONS, THINGS, action_words, differences, value_words
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
    assert value_words("2026-11-24T21:22:16.120907+00:00").startswith("Nov 24, 2026, 9:22")


def test_differences_tell_both_sides() -> None:
    assert differences({"name": "A"}, {"name": "B", "email": "x"}) == [("Name", "A", "B"), ("E-mail", None, "x")]
