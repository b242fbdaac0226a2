"""The one customer made by hand, for whoever looks around first."""

from datetime import timedelta

from backoffice.demo.book import Book
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.stories import camille
from customers.models import Address, AddressKind, Customer
from subscriptions.models import Price
from tenants.numbers import next_number

EMAIL = "camille.roy@mailbox.example"


def add_camille(book: Book, demo: DemoTenant, prices: dict[str, list[Price]]) -> Customer:
    """Camille Roy: three methods, subscriptions of both kinds of billing, a past-due invoice of each."""
    customer = book.add(
        Customer,
        number=next_number("customer"),
        first_name="Camille",
        last_name="Roy",
        email=EMAIL,
        email_normalized=EMAIL,
        phone="+15145550142",
        reference="MP-52001",
        external_user_id="u5200142",
        language="en",
        created_at=book.now - timedelta(days=611, hours=5),
    )
    book.add(
        Address,
        customer=customer,
        kind=AddressKind.BILLING,
        line1="4201 rue Saint-Denis",
        line2="App. 3",
        city="Montréal",
        region="QC",
        postal_code="H2J 2K9",
        country="CA",
    )
    camille(book, demo, customer, prices)
    return customer
