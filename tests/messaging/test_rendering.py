from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.template import engines
from django.utils import timezone, translation

from customers.models import Customer
from messaging.errors import MessageError
from messaging.kinds import KINDS
from messaging.rendering import NEEDED, render
from messaging.segments import count_segments
from messaging.templatetags.mail import moment
from payments.models import PaymentProfile
from propagation.models import Change, ChangeKind, Step, StepKind, StepState
from subscriptions.models import Invoice, Price, Product, Subscription
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

LINK = "https://billing.example.com/i/northwind/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdE"
EXPIRES = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def contexts(template: str) -> list[dict[str, Any]]:
    """Examples of what each template is given. Tenant rows, even unsaved ones, are made in a scope."""
    visa = PaymentProfile(brand="visa", last4="4242")
    amex = PaymentProfile(brand="amex", last4="8431")
    zoe = Customer(number=1042, first_name="Zoë", last_name="O'Neill")
    paper = Product(name_en="Daily paper", name_fr="Quotidien")
    invoice = Invoice(number=1007, total_minor=4999, currency="CAD")
    late = Invoice(number=1008, amount_due_minor=2573, currency="CAD")
    moved = [
        Step(kind=StepKind.SUBSCRIPTION, state=StepState.DONE, subscription=Subscription(price=Price(product=paper))),
        Step(kind=StepKind.INVOICE_COLLECT, state=StepState.DONE, invoice=invoice),
    ]
    failed = [
        Step(kind=StepKind.INVOICE_COLLECT, invoice=invoice, gateway_message="Your card was declined."),
        Step(kind=StepKind.RETIRE, profile=visa, error_code="rate_limited"),
    ]
    change, addition = (
        Change(number=1004, kind=ChangeKind.REPLACE, customer=zoe, new_profile=amex, old_profile=old)
        for old in (visa, None)
    )
    examples: dict[str, list[dict[str, Any]]] = {
        "invitation": [
            {"customer_name": "Zoë O'Neill", "method": method, "unpaid": unpaid, "link": LINK, "expires_at": EXPIRES}
            for method, unpaid in ((visa, []), (None, [late]))
        ],
        "payment_method_updated": [
            {"change": change, "customer": zoe, "steps": moved},
            {"change": addition, "customer": zoe, "steps": []},
        ],
        "change_failed": [
            {
                "change": change,
                "customer": zoe,
                "steps": failed,
                "link": "https://billing.example.com/t/northwind/changes/1/",
            }
        ],
        "payment_disputed": [
            {
                "customer_name": "Zoë O'Neill",
                "number": "INV-1007",
                "amount": "CA$19.99",
                "words": "insufficient funds",
                "link": "https://billing.example.com/t/northwind/invoices/1/",
            }
        ],
        "refund_failed": [
            {
                "customer_name": "Zoë O'Neill",
                "number": "INV-1007",
                "amount": "CA$19.99",
                "words": "lost or stolen card",
                "link": "https://billing.example.com/t/northwind/invoices/1/",
            }
        ],
        "staff_invitation": [{"inviter_name": "Alice", "role": "Agent", "link": LINK, "expires_at": EXPIRES}],
        "link_requested": [
            {
                "customer_name": "Zoë",
                "customer_number": "C-1042",
                "why": why,
                "link": "https://billing.example.com/t/x/",
            }
            for why in ("expired", "revoked", "used", "portal")
        ],
    }
    return examples[template] if template in examples else [KINDS[template].sample(LINK)]


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    tenant = TenantFactory(
        slug="northwind",
        name="Northwind & Sons",
        time_zone="America/Toronto",
        care_email="care@northwind.example",
        care_phone="+14165550100",
        care_text="Weekdays 9 to 5",
    )
    with tenant_scope(tenant.pk):
        yield tenant


@pytest.fixture
def strict_templates() -> Any:
    """A variable that a template does not find shows itself."""
    engine = engines["django"].engine
    engine.string_if_invalid = "<<%s>>"
    yield
    engine.string_if_invalid = ""


LAYOUTS = {"base", "letter", "own_words"}


def test_every_template_says_what_it_needs() -> None:
    for folder, endings in (("mail", ("txt", "html")), ("sms", ("txt",))):
        for file in (settings.BASE_DIR / "templates" / folder).iterdir():
            assert file.stem in {*NEEDED, *LAYOUTS}
            assert file.suffix[1:] in endings


@pytest.mark.usefixtures("strict_templates")
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("template", sorted(NEEDED))
def test_every_mail_can_be_written(tenant: Tenant, template: str, language: str) -> None:
    for context in contexts(template):
        mail = render("email", template, language, context | {"tenant": tenant})
        assert mail.subject
        assert "\n" not in mail.subject
        for part in (mail.subject, mail.text, mail.html):
            assert "<<" not in part
            assert "{{" not in part
        assert "Northwind & Sons" in mail.text
        assert "Northwind &amp; Sons" in mail.html
        assert "&amp;" not in mail.text
        assert "&#x27;" not in mail.text
        if "link" in context:
            assert context["link"] in mail.text
            assert f'href="{context["link"]}"' in mail.html


@pytest.mark.usefixtures("strict_templates")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_invitation_fits_into_one_text_message(tenant: Tenant, language: str) -> None:
    tenant.name = "Le Café d’Été"
    for context in contexts("invitation"):
        text = render("sms", "invitation", language, context | {"tenant": tenant}).text
        assert text.endswith(LINK)
        assert "<<" not in text
        segments = count_segments(text)
        assert (segments.count, segments.encoding) == (1, "GSM-7"), text


def test_tells_when_the_link_ends_in_the_tenants_zone(tenant: Tenant) -> None:
    mail = render("email", "invitation", "en", contexts("invitation")[0] | {"tenant": tenant})
    assert "Tuesday, November 24, 2026 at 3:00\u202fPM (EST)" in mail.text
    assert "Visa ending in 4242" in mail.text


@pytest.mark.parametrize(
    ("zone", "words"), [("Europe/Paris", "heure normale d’Europe centrale"), ("America/Toronto", "HNE")]
)
def test_the_zone_is_told_in_letters(zone: str, words: str) -> None:
    with timezone.override(zone), translation.override("fr"):
        assert moment(EXPIRES).endswith(f"({words})")


def test_french_readers_get_french_dates_and_amounts(tenant: Tenant) -> None:
    assert (
        "mardi 24 novembre 2026"
        in render("email", "invitation", "fr", contexts("invitation")[0] | {"tenant": tenant}).text
    )
    updated = contexts("payment_method_updated")[0] | {"tenant": tenant}
    text = render("email", "payment_method_updated", "fr", updated).text
    assert "49,99" in text
    assert "Quotidien" in text


def test_refuses_to_write_a_message_with_a_hole_in_it(tenant: Tenant) -> None:
    with pytest.raises(MessageError) as error:
        render("email", "invitation", "en", {"tenant": tenant, "customer_name": "Zoë"})
    assert error.value.code == "incomplete_context"
