"""The two tenants: who they are, what they sell, and the taxes on it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from backoffice.demo.book import Book
from backoffice.demo.ids import gateway_id
from subscriptions.models import Interval, Price, Product, TaxRate
from tenants.models import DunningOutcome, InvitationLifetime, MethodKind, PortalCancellation


class Charged(NamedTuple):
    """Minor units, charged every `every` intervals; in the tenant's currency unless another one is named."""

    amount_minor: int
    interval: str = Interval.MONTH
    every: int = 1
    trial_days: int = 0
    currency: str = ""


@dataclass(frozen=True)
class Offer:
    """`is_public`: customers find it in their portal."""

    key: str
    name_en: str
    name_fr: str
    prices: list[Charged]
    description_en: str = ""
    description_fr: str = ""
    is_public: bool = True


class Tax(NamedTuple):
    """As `TaxRate` has it; `product` is an offer's key."""

    code: str
    name_en: str
    name_fr: str
    percent: str
    country: str
    region: str = ""
    product: str = ""
    reverse_charge: bool = False
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class DemoTenant:
    """`settings` are the Tenant row's fields; the offers' order is that of `stories.Teller.price`."""

    slug: str
    settings: dict[str, Any]
    reference_prefix: str
    taxes: list[Tax] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)


NOVA_SCOTIA_CHANGE = date(2025, 4, 1)
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
        "legal_name": "Maple Press Inc.",
        "legal_address": "500 Front Street West\nToronto ON  M5V 1B8\nCanada",
        "tax_numbers": "GST/HST 81234 5673 RT0001 · QST 1223334445 TQ0001",
        "invoice_note_en": "Thank you for reading. Your subscription renews by itself until you cancel it.",
        "invoice_note_fr": "Merci de votre fidélité. Votre abonnement se renouvelle jusqu’à son annulation.",
        "method_kinds": [MethodKind.CARD, MethodKind.US_BANK_ACCOUNT],
        "dunning_retry_days": [3, 7, 14, 21, 27],
        "dunning_outcome": DunningOutcome.UNPAID,
    },
    reference_prefix="MP",
    taxes=[
        Tax("GST", "GST", "TPS", "5", "CA"),
        Tax("GST", "HST", "TVH", "13", "CA", "ON"),
        Tax("GST", "HST", "TVH", "15", "CA", "NB"),
        Tax("GST", "HST", "TVH", "15", "CA", "NS", valid_until=NOVA_SCOTIA_CHANGE),
        Tax("GST", "HST", "TVH", "14", "CA", "NS", valid_from=NOVA_SCOTIA_CHANGE),
        Tax("QST", "QST", "TVQ", "9.975", "CA", "QC"),
    ],
    offers=[
        Offer(
            "weekly",
            "The Weekly, digital",
            "L’Hebdo, numérique",
            [
                Charged(1200, trial_days=14),
                Charged(12000, Interval.YEAR, trial_days=14),
                Charged(900, trial_days=14, currency="USD"),
                Charged(9000, Interval.YEAR, currency="USD"),
            ],
            "Every issue on all your screens, from Thursday morning on.",
            "Chaque numéro sur tous vos écrans, dès le jeudi matin.",
        ),
        Offer(
            "print",
            "The Weekly, print and digital",
            "L’Hebdo, papier et numérique",
            [
                Charged(2450),
                Charged(24900, Interval.YEAR),
                Charged(1950, currency="USD"),
                Charged(19900, Interval.YEAR, currency="USD"),
            ],
            "Delivered to your door on Fridays, with everything digital.",
            "Livré chez vous le vendredi, avec toute l’offre numérique.",
        ),
        Offer(
            "cooking",
            "Northern Kitchen, quarterly",
            "Cuisine du Nord, trimestriel",
            [Charged(3600, Interval.MONTH, 3), Charged(2900, Interval.MONTH, 3, currency="USD")],
            "Four times a year: forty recipes with what grows up here.",
            "Quatre fois par an : quarante recettes avec ce qui pousse ici.",
        ),
        Offer(
            "archive",
            "Archive since 1926",
            "Archives depuis 1926",
            [Charged(790, trial_days=7), Charged(590, trial_days=7, currency="USD")],
            "A hundred years of pages, searchable to the word.",
            "Cent ans de pages, où chaque mot se retrouve.",
        ),
        Offer(
            "teams",
            "The Weekly for teams, per seat",
            "L’Hebdo pour équipes, par poste",
            [Charged(900, trial_days=30), Charged(700, trial_days=30, currency="USD")],
            is_public=False,
        ),
        Offer(
            "almanac",
            "The Almanac 2027",
            "L’Almanach 2027",
            [Charged(3995, Interval.ONE_TIME), Charged(2995, Interval.ONE_TIME, currency="USD")],
            "The year to come in 320 pages, bound in cloth.",
            "L’année qui vient en 320 pages, reliées en toile.",
        ),
        Offer(
            "reprint",
            "Framed front page",
            "Une encadrée",
            [Charged(8900, Interval.ONE_TIME), Charged(6900, Interval.ONE_TIME, currency="USD")],
            "The front page of any day since 1926, printed and framed.",
            "La une du jour de votre choix depuis 1926, imprimée et encadrée.",
        ),
    ],
)
ABROAD = [("BE", "21"), ("LU", "17"), ("DE", "19"), ("ES", "21"), ("IT", "22")]
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
        "legal_name": "Lumière Studio SAS",
        "legal_address": "12, rue des Petites-Écuries\n75010 Paris\nFrance",
        "tax_numbers": "SIREN 732 829 320 · TVA FR44732829320",
        "invoice_note_en": "Late payment bears interest at three times the legal rate, and a fee of €40.",
        "invoice_note_fr": "Pénalités de retard : trois fois le taux légal. Indemnité forfaitaire : 40 €.",
        "payment_terms_days": 7,
        "method_kinds": [MethodKind.CARD, MethodKind.SEPA_DEBIT],
        "dunning_retry_days": [2, 5, 9, 16, 20],
        "dunning_outcome": DunningOutcome.UNPAID,
        "ask_consent": True,
        "portal_shows_social": True,
        "portal_cancellation": PortalCancellation.NOW,
    },
    reference_prefix="LS",
    taxes=[
        Tax("VAT", "VAT", "TVA", "20", "FR"),
        Tax("VAT", "VAT", "TVA", "5.5", "FR", product="guide"),
        *(Tax("VAT", "VAT", "TVA", percent, country, reverse_charge=True) for country, percent in ABROAD),
    ],
    offers=[
        Offer(
            "essential",
            "Lumière Essential",
            "Lumière Essentiel",
            [Charged(1490, trial_days=14), Charged(14900, Interval.YEAR, trial_days=14)],
            "Galleries, prints and 200 GB for your pictures.",
            "Galeries, tirages et 200 Go pour vos images.",
        ),
        Offer(
            "pro",
            "Lumière Pro",
            "Lumière Pro",
            [Charged(3900, trial_days=14), Charged(39000, Interval.YEAR)],
            "Your own domain, client galleries and colour profiles.",
            "Votre domaine, des galeries clients et les profils colorimétriques.",
        ),
        Offer(
            "storage",
            "Storage, 1 TB",
            "Stockage, 1 To",
            [Charged(490)],
            "Another terabyte for your originals, kept twice.",
            "Un téraoctet de plus pour vos originaux, conservés en double.",
        ),
        Offer(
            "workshop",
            "Monthly workshop",
            "Atelier mensuel",
            [Charged(5900)],
            "One evening a month with a photographer, in Paris or on screen.",
            "Une soirée par mois avec un photographe, à Paris ou à distance.",
        ),
        Offer(
            "agency",
            "Lumière Agency, per seat",
            "Lumière Agence, par poste",
            [Charged(2900, trial_days=30)],
            is_public=False,
        ),
        Offer(
            "guide",
            "Guide to available light",
            "Guide de la lumière naturelle",
            [Charged(2900, Interval.ONE_TIME)],
            "A printed book of 180 pages.",
            "Un livre imprimé de 180 pages.",
        ),
        Offer(
            "review",
            "Portfolio review",
            "Lecture de portfolio",
            [Charged(12000, Interval.ONE_TIME)],
            "An hour with one of our picture editors.",
            "Une heure avec l’un de nos iconographes.",
        ),
    ],
)
TENANTS = (MAPLE, LUMIERE)


def add_catalogue(book: Book, tenant: DemoTenant) -> dict[str, list[Price]]:
    """Products, prices and taxes; the prices by their product's key."""
    products = {offer.key: _add_product(book, tenant, offer) for offer in tenant.offers}
    for tax in tenant.taxes:
        values = tax._asdict() | {"product": products.get(tax.product), "percent": Decimal(tax.percent)}
        book.add(TaxRate, **values, created_at=products[tenant.offers[0].key].created_at)
    return {
        offer.key: [_add_price(book, tenant, offer, products[offer.key], charged) for charged in offer.prices]
        for offer in tenant.offers
    }


def _add_product(book: Book, tenant: DemoTenant, offer: Offer) -> Product:
    return book.add(
        Product,
        name_en=offer.name_en,
        name_fr=offer.name_fr,
        description_en=offer.description_en,
        description_fr=offer.description_fr,
        gateway_id=gateway_id("prod", tenant.slug, offer.key),
        created_at=book.now.replace(year=book.now.year - 4, day=1),
    )


def _add_price(book: Book, tenant: DemoTenant, offer: Offer, product: Product, charged: Charged) -> Price:
    """The tenant's own currency is offered in the portal."""
    name = f"{offer.key}-{charged.interval}-{charged.every}{charged.currency and '-' + charged.currency}"
    return book.add(
        Price,
        product=product,
        amount_minor=charged.amount_minor,
        currency=charged.currency or tenant.settings["currency"],
        interval=charged.interval,
        interval_count=charged.every,
        trial_days=charged.trial_days,
        is_public=offer.is_public and not charged.currency,
        gateway_id=gateway_id("price", tenant.slug, name),
    )
