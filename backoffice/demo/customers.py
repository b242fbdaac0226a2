"""Who the customers are: name, contact details, addresses, tax numbers."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from stdnum import luhn
from stdnum.ca import bn as ca_bn
from stdnum.ch import vat as ch_vat
from stdnum.de import vat as de_vat

from backoffice.demo import places
from backoffice.demo.book import Book
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.names import FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, ORGANISATIONS
from backoffice.demo.places import Place
from customers.models import Address, AddressKind, Customer
from customers.validation import normalize_email
from tenants.numbers import next_number

#: Language of the names, language of the customer, where they live, how many.
type Group = tuple[str, str, list[Place], int]
GROUPS: dict[str, list[Group]] = {
    "maple": [
        ("QC", "fr", places.QUEBEC, 21),
        ("QC", "en", places.QUEBEC, 4),
        ("en", "en", places.CANADA, 36),
        ("en", "en", places.UNITED_STATES, 13),
        ("en", "en", places.UNITED_KINGDOM, 4),
        ("en", "en", places.AUSTRALIA, 2),
        ("fr", "fr", places.FRANCE, 3),
        ("de", "en", places.GERMANY, 2),
    ],
    "lumiere": [
        ("fr", "fr", places.FRANCE, 54),
        ("fr", "fr", places.BELGIUM, 10),
        ("fr", "fr", places.SWITZERLAND, 5),
        ("fr", "fr", places.LUXEMBOURG, 2),
        ("de", "en", places.GERMANY, 3),
        ("es", "en", places.SPAIN, 3),
        ("it", "en", places.ITALY, 3),
        ("QC", "fr", places.QUEBEC, 3),
    ],
}

#: How many days ago the newest customers came; everyone else has been here for two months or more.
NEWEST_AGES = [25, 18, 12, 9, 6, 4]


def add_customers(book: Book, tenant: DemoTenant) -> list[Customer]:
    """Everyone of the tenant, oldest first, so that numbers grow with time."""
    chance = book.chance
    people = list(_people(chance, tenant.slug))
    chance.shuffle(people)
    settled = [int(60 + 1400 * chance.random() ** 1.6) for _ in people[len(NEWEST_AGES) :]]
    ages = sorted(settled, reverse=True) + NEWEST_AGES
    organisations = {country: list(names) for country, names in ORGANISATIONS.items()}
    return [
        _add_customer(book, tenant, index, person, age, organisations)
        for index, (person, age) in enumerate(zip(people, ages, strict=True))
    ]


type Someone = tuple[str, str, str, Place]


def _people(chance: Random, slug: str) -> Iterator[Someone]:
    """(first name, last name, language, place), nobody twice."""
    seen = set[tuple[str, str]]()
    for names, language, towns, count in GROUPS[slug]:
        firsts = FIRST_NAMES["fr" if names == "QC" else names]
        for index in range(count):
            while (name := (chance.choice(firsts), chance.choice(LAST_NAMES[names]))) in seen:
                pass
            seen.add(name)
            yield *name, language, towns[index % len(towns)]


def _add_customer(
    book: Book,
    tenant: DemoTenant,
    index: int,
    someone: Someone,
    age_days: int,
    organisations: dict[str, list[tuple[str, str]]],
) -> Customer:
    first, last, language, place = someone
    chance = book.chance
    free = organisations.get(place.country, [])
    organisation, domain = free.pop() if free and index % 5 == 2 else ("", "")
    mailbox = _ascii(f"{first}.{last}")
    email = "" if index % 16 == 7 else f"{mailbox}@{domain or chance.choice(MAIL_DOMAINS[language])}"
    customer = book.add(
        Customer,
        number=next_number("customer"),
        first_name=first,
        last_name=last,
        email=email,
        email_normalized=normalize_email(email),
        cc_emails=[f"comptabilite@{domain}" if language == "fr" else f"accounts@{domain}"] if domain and email else [],
        organisation=organisation,
        phone=_phone(chance, place, index),
        reference=f"{tenant.reference_prefix}-{48000 + 37 * index}" if index % 3 else "",
        external_user_id=f"u{chance.randrange(10**6, 10**7)}" if index % 4 == 1 else "",
        vat_number=vat_number(place.country, chance) if organisation else "",
        tax_exempt=bool(organisation) and index % 15 == 2,
        language=language,
        created_at=book.now - timedelta(days=age_days, minutes=chance.randrange(1440)),
    )
    add_address(book, customer, place, AddressKind.BILLING)
    if organisation and index % 2:
        add_address(book, customer, place, AddressKind.SHIPPING)
    return customer


def _phone(chance: Random, place: Place, index: int) -> str:
    """Mostly mobiles, some landlines where they can be told apart, some none."""
    if index % 9 == 4:
        return ""
    patterns = place.landlines if place.landlines and index % 6 == 3 else place.phones
    return "".join(str(chance.randrange(10)) if sign == "#" else sign for sign in chance.choice(patterns))


def add_address(book: Book, customer: Customer, place: Place, kind: AddressKind) -> Address:
    return book.add(
        Address,
        customer=customer,
        kind=kind,
        line1=book.chance.choice(place.streets).format(n=book.chance.randrange(3, 480)),
        city=place.city,
        region=place.region,
        postal_code=place.postal_code,
        country=place.country,
    )


_ACCENTS = str.maketrans("àâäáçéèêëíîïñóôöúùûüÿ", "aaaaceeeeiiinooouuuuy", "'’ ")


def _ascii(text: str) -> str:
    return text.lower().translate(_ACCENTS)


def vat_number(country: str, chance: Random) -> str:
    """A number with the country's right check digits; empty where the country has none that we know."""

    def digits(count: int) -> str:
        return str(chance.randrange(10 ** (count - 1), 10**count))

    if country == "FR":
        siren = digits(8)
        siren += luhn.calc_check_digit(siren)
        return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
    if country == "BE":
        base = f"0{digits(7)}"
        return f"BE{base}{97 - int(base) % 97:02d}"
    formats = {"DE": ("DE{}", 9, de_vat), "CH": ("CHE{}TVA", 9, ch_vat), "CA": ("{}RT0001", 9, ca_bn)}
    if country not in formats:
        return ""
    pattern, length, checker = formats[country]
    while not checker.is_valid(number := pattern.format(digits(length))):
        pass
    return number
