"""What customers tell about themselves, where the tenant asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.locking import lock_customer
from customers.models import Customer, SocialProfile
from tenants.actors import Actor
from tenants.audit import record, snapshot

_NAME = re.compile(r"[\w.\-]{1,60}")
_MASTODON = re.compile(r"[\w.\-]{1,60}@[a-z0-9.\-]{3,80}", re.IGNORECASE)


@dataclass(frozen=True)
class Network:
    """`address` is the profile's, with a place for the user name."""

    key: str
    label: str
    address: str

    def url(self, username: str) -> str:
        if self.key == "mastodon":
            name, _at, server = username.partition("@")
            return f"https://{server}/@{name}"
        return self.address.format(username)


NETWORKS = (
    Network("instagram", "Instagram", "https://www.instagram.com/{}"),
    Network("facebook", "Facebook", "https://www.facebook.com/{}"),
    Network("x", "X", "https://x.com/{}"),
    Network("linkedin", "LinkedIn", "https://www.linkedin.com/in/{}"),
    Network("youtube", "YouTube", "https://www.youtube.com/@{}"),
    Network("tiktok", "TikTok", "https://www.tiktok.com/@{}"),
    Network("mastodon", "Mastodon", ""),
    Network("github", "GitHub", "https://github.com/{}"),
)


def parse_username(network: Network, typed: str) -> str:
    """The user name alone, from a name, an @name or the profile's address. Raises ValidationError in words."""
    name = typed.strip().rstrip("/")
    if network.key != "mastodon" and "/" in name:
        name = name.rpartition("/")[2]
    name = name.removeprefix("@")
    if not name:
        return ""
    if network.key == "mastodon":
        if not _MASTODON.fullmatch(name):
            raise ValidationError(_("Write it with its server: name@example.social."), code="bad_username")
    elif not _NAME.fullmatch(name):
        message = _("Only the user name: letters, digits, dots, hyphens and underscores.")
        raise ValidationError(message, code="bad_username")
    return name


def set_social_profile(
    *, actor: Actor, customer: Customer, bio: str, location: str, usernames: Mapping[str, str]
) -> SocialProfile:
    """Put the profile in place; `usernames` maps keys of NETWORKS to clean names. Runs in the open scope."""
    lock_customer(customer.pk)
    kept = {network.key: usernames[network.key] for network in NETWORKS if usernames.get(network.key)}
    profile = SocialProfile.objects.filter(customer=customer).first() or SocialProfile(customer=customer)
    fields = ["bio", "location", "usernames"]
    before = snapshot(profile, fields)
    profile.bio, profile.location, profile.usernames = bio, location, kept
    after = snapshot(profile, fields)
    if before != after:
        profile.save()
        record(actor=actor, action="customer.social_profile_updated", target=customer, before=before, after=after)
    return profile
