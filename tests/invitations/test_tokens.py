import string
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as project_settings

from invitations.tokens import LENGTH, make_token, read_token

ALPHABET = string.ascii_letters + string.digits + "-_"


def test_a_token_leads_back_to_its_invitation() -> None:
    tenant, invitation = uuid4(), uuid4()
    token = make_token(tenant, invitation)
    assert len(token) == LENGTH
    assert set(token) <= set(ALPHABET)
    assert read_token(tenant, token) == invitation


def test_a_token_is_of_one_tenant() -> None:
    token = make_token(uuid4(), uuid4())
    assert read_token(uuid4(), token) is None


def test_every_other_character_anywhere_is_refused() -> None:
    tenant, invitation = uuid4(), uuid4()
    token = make_token(tenant, invitation)
    for place in range(LENGTH):
        for other in ALPHABET:
            if other != token[place]:
                assert read_token(tenant, token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize("token", ["", "x", "é" * LENGTH, "A" * LENGTH, "A" * 500, "=" * LENGTH, "\x00" * LENGTH])
def test_nonsense_is_refused(token: str) -> None:
    assert read_token(uuid4(), token) is None


def test_a_shortened_or_lengthened_token_is_refused() -> None:
    tenant = uuid4()
    token = make_token(tenant, uuid4())
    for changed in (token[:-1], token + "A", token + "=", " " + token, token + "\n"):
        assert read_token(tenant, changed) is None


def test_links_outlive_a_change_of_keys(settings: Any) -> None:
    tenant, invitation = uuid4(), uuid4()
    token = make_token(tenant, invitation)
    old = project_settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key-another-key"
    assert read_token(tenant, token) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    assert read_token(tenant, token) == invitation
