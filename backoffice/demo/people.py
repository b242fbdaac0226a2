"""Who may sign in to the demonstration. Everything here is public, so it is only ever loaded beside the sandbox."""

from typing import NamedTuple

from tenants.models import Role

PASSWORD = "billing-demo-2026"  # noqa: S105  (public on purpose)


class Person(NamedTuple):
    """`places` maps a tenant's slug to the role there."""

    email: str
    name: str
    language: str
    places: dict[str, str]


STAFF = [
    Person("owner@example.com", "Sofia Marchetti", "en", {"maple": Role.OWNER, "lumiere": Role.OWNER}),
    Person("manager@maple.example", "Daniel Okafor", "en", {"maple": Role.MANAGER}),
    Person("agent@maple.example", "Priya Raman", "en", {"maple": Role.AGENT}),
    Person("reader@maple.example", "Tom Whitfield", "en", {"maple": Role.READ_ONLY}),
    Person("manager@lumiere.example", "Hélène Carpentier", "fr", {"lumiere": Role.MANAGER}),
    Person("agent@lumiere.example", "Mathieu Renard", "fr", {"lumiere": Role.AGENT}),
    Person("reader@lumiere.example", "Inès Belkacem", "fr", {"lumiere": Role.READ_ONLY}),
]

TENANT_NAMES = {"maple": "Maple Press", "lumiere": "Lumière Studio"}


def sign_in_lines() -> list[str]:
    """What `make run` prints: every sign-in with its role and tenant."""
    width = max(len(person.email) for person in STAFF)
    lines = [f"Sign in with the password {PASSWORD}"]
    for person in STAFF:
        places = ", ".join(
            f"{Role(role).label.lower()} of {TENANT_NAMES[slug]}" for slug, role in person.places.items()
        )
        lines.append(f"  {person.email:{width}}  {places}")
    return lines
