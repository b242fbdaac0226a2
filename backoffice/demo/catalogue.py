"""The two tenants: who they are and what they sell."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from backoffice.demo.book import Book
from backoffice.demo.ids import gateway_id
from subscriptions.models import Interval, Price, Product
from tenants.models import InvitationLifetime


@dataclass(frozen=True)
class Offer:
    """`prices`: (minor units, interval, every how many, trial days)."""

    key: str
    name_en: str
    name_fr: str
    prices: list[tuple[int, str, int, int]]


@dataclass(frozen=True)
class DemoTenant:
    """`settings` are the Tenant row's fields; `numbers_from` its first customer's reference."""

    slug: str
    settings: dict[str, Any]
    reference_prefix: str
    tax_percent: Decimal = Decimal(0)
    offers: list[Offer] = field(default_factory=list)


MAPLE = DemoTenant(
    slug="maple",
    settings={
        "name": "Maple Press",
        "primary_colour": "#b3262e",
        "country": "CA",
        "currency": "CAD",
        "language": "en",
        "time_zone": "America/Toronto",
        "invitation_lifetime": InvitationLifetime.THREE_DAYS,
        "invite_by_email": True,
        "invite_by_sms": False,
        "sender_name": "Maple Press",
        "sender_email": "billing@maple.example",
        "reply_to_email": "care@maple.example",
        "care_email": "care@maple.example",
        "care_phone": "+14165550199",
        "care_text": "Monday to Friday, 9 to 5, Eastern Time",
    },
    reference_prefix="MP",
    tax_percent=Decimal("14.975"),
    offers=[
        Offer(
            "weekly",
            "The Weekly, digital",
            "L’Hebdo, numérique",
            [(1200, Interval.MONTH, 1, 14), (12000, Interval.YEAR, 1, 14)],
        ),
        Offer(
            "print",
            "The Weekly, print and digital",
            "L’Hebdo, papier et numérique",
            [(2450, Interval.MONTH, 1, 0), (24900, Interval.YEAR, 1, 0)],
        ),
        Offer("cooking", "Northern Kitchen, quarterly", "Cuisine du Nord, trimestriel", [(3600, Interval.MONTH, 3, 0)]),
        Offer("archive", "Archive since 1926", "Archives depuis 1926", [(790, Interval.MONTH, 1, 7)]),
        Offer(
            "teams", "The Weekly for teams, per seat", "L’Hebdo pour équipes, par poste", [(900, Interval.MONTH, 1, 30)]
        ),
    ],
)
LUMIERE = DemoTenant(
    slug="lumiere",
    settings={
        "name": "Lumière Studio",
        "primary_colour": "#4b4acf",
        "country": "FR",
        "currency": "EUR",
        "language": "fr",
        "time_zone": "Europe/Paris",
        "invitation_lifetime": InvitationLifetime.WEEK,
        "invite_by_email": True,
        "invite_by_sms": True,
        "sender_name": "Lumière Studio",
        "sender_email": "abonnements@lumiere.example",
        "reply_to_email": "bonjour@lumiere.example",
        "sms_sender": "",
        "care_email": "bonjour@lumiere.example",
        "care_phone": "+33199001290",
        "care_text": "Du lundi au vendredi, de 9 h à 18 h",
    },
    reference_prefix="LS",
    tax_percent=Decimal(20),
    offers=[
        Offer(
            "essential",
            "Lumière Essential",
            "Lumière Essentiel",
            [(1490, Interval.MONTH, 1, 14), (14900, Interval.YEAR, 1, 14)],
        ),
        Offer("pro", "Lumière Pro", "Lumière Pro", [(3900, Interval.MONTH, 1, 14), (39000, Interval.YEAR, 1, 0)]),
        Offer("storage", "Storage, 1 TB", "Stockage, 1 To", [(490, Interval.MONTH, 1, 0)]),
        Offer("workshop", "Monthly workshop", "Atelier mensuel", [(5900, Interval.MONTH, 1, 0)]),
        Offer("agency", "Lumière Agency, per seat", "Lumière Agence, par poste", [(2900, Interval.MONTH, 1, 30)]),
    ],
)
TENANTS = (MAPLE, LUMIERE)


def add_catalogue(book: Book, tenant: DemoTenant) -> dict[str, list[Price]]:
    """Products and prices; the prices by their product's key."""
    prices: dict[str, list[Price]] = {}
    for offer in tenant.offers:
        product = book.add(
            Product,
            name_en=offer.name_en,
            name_fr=offer.name_fr,
            gateway_id=gateway_id("prod", tenant.slug, offer.key),
            created_at=book.now.replace(year=book.now.year - 4, day=1),
        )
        prices[offer.key] = [
            book.add(
                Price,
                product=product,
                amount_minor=amount,
                currency=tenant.settings["currency"],
                interval=interval,
                interval_count=every,
                trial_days=trial,
                gateway_id=gateway_id("price", tenant.slug, f"{offer.key}-{interval}-{every}"),
            )
            for amount, interval, every, trial in offer.prices
        ]
    return prices
