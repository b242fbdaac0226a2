"""Customers' pages: what staff see, what is refused, and how many queries it takes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Address, Customer
from payments.models import ProfileState
from propagation.models import Change, ChangeKind
from subscriptions.models import Subscription, SubscriptionState
from tenants.models import Role, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    AddressFactory,
    CustomerFactory,
    GatewayCustomerFactory,
    InvoiceFactory,
    MembershipFactory,
    PaymentProfileFactory,
    PriceFactory,
    SubscriptionFactory,
    TenantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

#: Whatever the number of rows.
LIST_QUERIES = 17
PAGE_QUERIES = 27


def sign_in(tenant: Tenant, role: str = Role.AGENT) -> Client:
    user = UserFactory()
    with tenant_scope(tenant.pk):
        MembershipFactory(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory(slug="acme")


@pytest.fixture
def alice(tenant: Tenant) -> Client:
    return sign_in(tenant)


def names(response: Any) -> list[str]:
    return [row.customer.first_name for row in response.context["page"].rows]


def make(tenant: Tenant, *first_names: str, **values: Any) -> list[Customer]:
    with tenant_scope(tenant.pk):
        return [CustomerFactory(first_name=name, **values) for name in first_names]


# The list


def test_an_empty_list_says_what_to_do_next(alice: Client) -> None:
    html = alice.get("/t/acme/customers/").content.decode()
    assert "No customers yet" in html
    assert "/t/acme/customers/new/" in html


def test_shows_subscriptions_payment_method_and_status(tenant: Tenant, alice: Client) -> None:
    bob, eve = make(tenant, "Bob", "Eve")
    with tenant_scope(tenant.pk):
        SubscriptionFactory(customer=bob)
        SubscriptionFactory(customer=bob, state=SubscriptionState.CANCELLED)
        InvoiceFactory(customer=bob)
        PaymentProfileFactory(customer=bob, is_default=True, exp_year=2024, last4="1881")
        PaymentProfileFactory(customer=bob)
        SubscriptionFactory(customer=eve, state=SubscriptionState.CANCELLED)
    rows = {row.customer.pk: row for row in alice.get("/t/acme/customers/").context["page"].rows}
    assert rows[bob.pk].is_active
    assert rows[bob.pk].subscriptions == {"active": 1, "cancelled": 1}
    assert (rows[bob.pk].past_due, rows[bob.pk].purchases) == (1, 1)
    assert (rows[bob.pk].profile.last4, rows[bob.pk].payment_state, rows[bob.pk].profile_count) == (
        "1881",
        "expired",
        2,
    )
    assert not rows[eve.pk].is_active
    assert rows[eve.pk].payment_state == "none"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada", ["Ada"]),
        ("LOVELACE ada", ["Ada"]),
        ("engines", ["Ada"]),
        ("ada@example.com", ["Ada"]),
        ("erp-7", ["Ada"]),
        ("C-1002", ["Bob"]),
        ("1002", ["Bob"]),
        ("1881", ["Bob"]),
        ("%", []),
        ("nobody", []),
        ("'; DROP TABLE customers", []),
    ],
)
def test_search_finds_by_name_email_organisation_reference_number_and_last_4(
    tenant: Tenant, alice: Client, text: str, found: list[str]
) -> None:
    make(
        tenant,
        "Ada",
        last_name="Lovelace",
        email="ada@example.com",
        organisation="Analytical Engines",
        reference="ERP-7",
    )
    (bob,) = make(tenant, "Bob")
    with tenant_scope(tenant.pk):
        PaymentProfileFactory(customer=bob, last4="1881")
    assert names(alice.get("/t/acme/customers/", {"q": text})) == found


@pytest.mark.parametrize(
    "sort", ["number", "-number", "name", "-name", "email", "-email", "created", "-created", "rubbish"]
)
def test_pages_forward_and_back_visit_every_customer_once_in_order(tenant: Tenant, alice: Client, sort: str) -> None:
    make(tenant, *[f"P{n % 7}" for n in range(60)], last_name="Smith")
    make(tenant, *[f"P{n}" for n in range(5)], last_name="Adams", email="", email_normalized="")
    seen: list[UUID] = []
    pages = []
    query = f"sort={sort}"
    while query:
        response = alice.get(f"/t/acme/customers/?{query}")
        page = response.context["page"]
        pages.append([row.customer.pk for row in page.rows])
        seen += pages[-1]
        query, previous = page.next, page.previous
    assert len(seen) == len(set(seen)) == 65
    assert [len(page) for page in pages] == [25, 25, 15]
    back = alice.get(f"/t/acme/customers/?{previous}").context["page"]
    assert [row.customer.pk for row in back.rows] == pages[1]
    first = alice.get(f"/t/acme/customers/?{back.previous}").context["page"]
    assert [row.customer.pk for row in first.rows] == pages[0]
    assert first.previous == ""


def test_a_cursor_that_makes_no_sense_is_the_first_page(tenant: Tenant, alice: Client) -> None:
    make(tenant, "Bob")
    for cursor in (
        "x",
        "WzFd",
        "bm8",
        "W251bGwsIG51bGxd",
        "WyJ4IiwgIm5vdC1hLXV1aWQiXQ==",
        "WzFlMzBd",
        "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMF0=",
    ):
        response = alice.get("/t/acme/customers/", {"after": cursor, "sort": "number"})
        assert (response.status_code, names(response)) == (200, ["Bob"])


def test_filters_by_state_payment_method_and_country(tenant: Tenant, alice: Client) -> None:
    live, late, expired, soon, fine = make(tenant, "Live", "Late", "Expired", "Soon", "Fine")
    today = timezone.localdate()
    with tenant_scope(tenant.pk):
        SubscriptionFactory(customer=live)
        InvoiceFactory(customer=late)
        PaymentProfileFactory(customer=expired, is_default=True, exp_year=2024)
        PaymentProfileFactory(customer=soon, is_default=True, exp_year=today.year, exp_month=today.month)
        PaymentProfileFactory(customer=fine, is_default=True)
        PaymentProfileFactory(customer=late, state=ProfileState.DISABLED)
        AddressFactory(customer=fine, country="FR", region="")

    def found(**query: str) -> set[str]:
        return set(names(alice.get("/t/acme/customers/", query)))

    assert found(state="active") == {"Live"}
    assert found(state="inactive") == {"Late", "Expired", "Soon", "Fine"}
    assert found(state="past_due") == {"Late"}
    assert found(payment="expired") == {"Expired"}
    assert found(payment="expiring") == {"Soon"}
    assert found(payment="ok") == {"Fine"}
    assert found(payment="none") == {"Live", "Late"}
    assert found(country="FR") == {"Fine"}
    assert found(payment="rubbish", state="rubbish", country="??") == {"Live", "Late", "Expired", "Soon", "Fine"}


def test_typing_fetches_the_results_alone(tenant: Tenant, alice: Client) -> None:
    make(tenant, "Bob")
    headers = {"HX-Request": "true", "HX-Target": "customers"}
    html = alice.get("/t/acme/customers/", {"q": "bob"}, headers=headers).content.decode()
    assert html.strip().startswith('<div id="customers"')
    assert "<html" not in html


def test_a_customer_without_an_address_cannot_be_invited_and_the_menu_says_why(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob", email="", email_normalized="")
    for url in ("/t/acme/customers/", f"/t/acme/customers/{bob.pk}/"):
        html = alice.get(url).content.decode()
        assert f"{bob.pk}/invite/" not in html
        assert f"/t/acme/customers/{bob.pk}/edit/#id_email" in html


# Create and edit


def test_a_name_and_an_address_are_enough(tenant: Tenant, alice: Client) -> None:
    typed = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
    response = alice.post("/t/acme/customers/new/", typed, follow=True)
    assert "Ada Lovelace is customer C-1001 now." in response.content.decode()
    with tenant_scope(tenant.pk):
        assert Customer.objects.get().email == "ada@example.com"


def test_a_customer_can_be_created_together_with_a_subscription(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        price = PriceFactory(product__name_en="Pro plan", amount_minor=4900)
    assert "Pro plan · CA$49.00 per month" in alice.get("/t/acme/customers/new/").content.decode()
    typed = {"first_name": "Ada", "last_name": "L", "subscription-price": str(price.pk), "subscription-quantity": "3"}
    assert alice.post("/t/acme/customers/new/", typed).status_code == 302
    with tenant_scope(tenant.pk):
        subscription = Subscription.objects.select_related("customer", "price").get()
    assert (subscription.customer.first_name, subscription.amount_minor) == ("Ada", 14700)


def test_another_tenants_price_cannot_be_chosen(tenant: Tenant, alice: Client) -> None:
    other = TenantFactory(slug="other")
    with tenant_scope(other.pk):
        theirs = PriceFactory()
    typed = {"first_name": "Ada", "last_name": "L", "subscription-price": str(theirs.pk)}
    assert alice.post("/t/acme/customers/new/", typed).status_code == 422
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()


def test_errors_keep_everything_typed_and_stand_beside_their_fields(tenant: Tenant, alice: Client) -> None:
    typed = {
        "first_name": "Ada",
        "last_name": "",
        "phone": "416",
        "vat_number": "FR40303265046",
        "cc_emails": "nonsense",
        "billing-country": "FR",
        "billing-line1": "1 rue X",
        "billing-postal_code": "7500",
        "reference": "KEEP-ME",
    }
    response = alice.post("/t/acme/customers/new/", typed)
    html = response.content.decode()
    assert response.status_code == 422
    for kept in ("Ada", "416", "FR40303265046", "nonsense", "1 rue X", "7500", "KEEP-ME"):
        assert kept in html
    for told in (
        "Enter a last name.",
        "too short",
        "check digit",
        "is not an e-mail address",
        "Enter the city.",
        "33380",
    ):
        assert told in html
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()


def test_a_reference_in_use_is_refused_beside_the_field(tenant: Tenant, alice: Client) -> None:
    make(tenant, "Bob", reference="A-1")
    response = alice.post("/t/acme/customers/new/", {"first_name": "Ada", "last_name": "L", "reference": "A-1"})
    assert response.status_code == 422
    assert response.context["entry"].form.errors["reference"] == ["Another customer has this reference ID already."]


def test_a_shared_address_is_allowed_and_warned_of(tenant: Tenant, alice: Client) -> None:
    make(tenant, "Bob", email="team@example.com")
    typed = {"first_name": "Ada", "last_name": "L", "email": "Team@Example.com"}
    response = alice.post("/t/acme/customers/new/", typed, follow=True)
    assert "is also the address of C-1001" in response.content.decode()


def test_choosing_another_country_without_javascript_keeps_the_whole_form(tenant: Tenant, alice: Client) -> None:
    typed = {"first_name": "Ada", "billing-country": "JP", "billing-city": "Ottawa", "change_country": "billing"}
    response = alice.post("/t/acme/customers/new/", typed)
    html = response.content.decode()
    assert response.status_code == 200
    assert 'value="Ada"' in html
    assert "Prefecture" in html
    assert "invalid-feedback" not in html


def test_an_edit_that_the_gateway_must_know_is_carried_there(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob", last_name="Roy", email="bob@example.com")
    with tenant_scope(tenant.pk):
        GatewayCustomerFactory(customer=bob)
    typed = {"first_name": "Bob", "last_name": "Roy", "email": "new@example.com", "language": "en"}
    response = alice.post(f"/t/acme/customers/{bob.pk}/edit/", typed, follow=True)
    with tenant_scope(tenant.pk):
        change = Change.objects.get()
    assert change.kind == ChangeKind.DETAILS
    assert f'<a href="/t/acme/changes/{change.pk}/">CH-1001</a>' in response.content.decode()
    alice.post(f"/t/acme/customers/{bob.pk}/edit/", typed | {"reference": "only ours"})
    with tenant_scope(tenant.pk):
        assert Change.objects.count() == 1


def test_clearing_an_address_takes_it_away(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob", last_name="Roy")
    with tenant_scope(tenant.pk):
        AddressFactory(customer=bob)
    alice.post(f"/t/acme/customers/{bob.pk}/edit/", {"first_name": "Bob", "last_name": "Roy", "billing-country": "CA"})
    with tenant_scope(tenant.pk):
        assert not Address.objects.exists()


# Delete


def test_delete_says_which_subscriptions_stand_in_the_way(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob")
    with tenant_scope(tenant.pk):
        SubscriptionFactory(customer=bob)
    url = f"/t/acme/customers/{bob.pk}/delete/"
    assert "S-1001" in alice.get(url).content.decode()
    assert alice.post(url).status_code == 409
    with tenant_scope(tenant.pk):
        assert Customer.objects.exists()


def test_delete_asks_first_and_then_deletes(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob")
    url = f"/t/acme/customers/{bob.pk}/delete/"
    assert "This cannot be undone." in alice.get(url).content.decode()
    assert alice.post(url, {"reason": "twice"}).url == "/t/acme/customers/"
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()


# One customer


def fill(customer: Customer, times: int) -> None:
    for n in range(times):
        card = PaymentProfileFactory(customer=customer, is_default=n == 0 and times == 1)
        SubscriptionFactory(customer=customer, payment_profile=card)
        SubscriptionFactory(customer=customer)
        InvoiceFactory(customer=customer, payment_profile=card)


def test_says_what_each_method_pays_for_and_why(tenant: Tenant, alice: Client) -> None:
    (bob,) = make(tenant, "Bob")
    with tenant_scope(tenant.pk):
        default = PaymentProfileFactory(customer=bob, is_default=True)
        pinned = PaymentProfileFactory(customer=bob, last4="4444")
        follows = SubscriptionFactory(customer=bob)
        own = SubscriptionFactory(customer=bob, payment_profile=pinned)
        PaymentProfileFactory(customer=bob, state=ProfileState.DISABLED, disabled_reason="Detached at the gateway.")
    response = alice.get(f"/t/acme/customers/{bob.pk}/")
    shown = {item.profile.pk: [s.pk for s in item.pays_for] for item in response.context["profiles"]}
    assert shown[default.pk] == [follows.pk]
    assert shown[pinned.pk] == [own.pk]
    html = response.content.decode()
    assert "Detached at the gateway. It can only be deleted." in html


def test_the_list_and_the_page_take_a_fixed_number_of_queries(tenant: Tenant, alice: Client) -> None:
    bob, eve = make(tenant, "Bob", "Eve")
    with tenant_scope(tenant.pk):
        fill(bob, 1)
        fill(eve, 4)
    counts = {}
    for url in (
        "/t/acme/customers/?q=bob",
        "/t/acme/customers/",
        f"/t/acme/customers/{bob.pk}/",
        f"/t/acme/customers/{eve.pk}/",
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert alice.get(url).status_code == 200
        counts[url] = len(queries)
    assert list(counts.values()) == [LIST_QUERIES, LIST_QUERIES, PAGE_QUERIES, PAGE_QUERIES]


def test_the_timeline_tells_what_was_done_in_pages(tenant: Tenant, alice: Client) -> None:
    alice.post("/t/acme/customers/new/", {"first_name": "Ada", "last_name": "L"})
    with tenant_scope(tenant.pk):
        ada = Customer.objects.get()
    for n in range(30):
        alice.post(f"/t/acme/customers/{ada.pk}/edit/", {"first_name": "Ada", "last_name": f"L{n}"})
    url = f"/t/acme/customers/{ada.pk}/timeline/"
    first = alice.get(url).context["timeline"]
    assert len(first.items) == 25
    assert "Last name: L28 → L29" in first.items[0]["details"]
    second = alice.get(url, {"before": first.older}).context["timeline"]
    assert (len(second.items), second.older) == (6, "")
    assert second.items[-1]["title"] == "Customer created"
    assert alice.get(url, {"before": "rubbish"}).status_code == 200


def test_tells_who_is_verified_for_ach_and_who_is_tax_exempt(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        bob = CustomerFactory(tax_exempt=True)
        bank = {"kind": "us_bank_account", "brand": "Stripe Bank", "exp_month": None, "exp_year": None}
        PaymentProfileFactory(customer=bob, **bank)
        PaymentProfileFactory(customer=bob, is_default=True)
        carol = CustomerFactory()
        PaymentProfileFactory(customer=carol, state="pending", **bank)
    page = alice.get("/t/acme/customers/")
    rows = {row.customer.pk: row for row in page.context["page"].rows}
    assert (rows[bob.pk].ach_verified, rows[carol.pk].ach_verified) == (True, False)
    assert page.content.decode().count("A US bank account is verified") == 1
    assert page.content.decode().count("tax exempt") == 1
    found = alice.get("/t/acme/customers/", {"payment": "ach"}).context["page"].rows
    assert [row.customer.pk for row in found] == [bob.pk]


def test_a_time_zone_is_chosen_and_cleared(tenant: Tenant, alice: Client) -> None:
    typed = {"first_name": "Ada", "last_name": "L", "time_zone": "Asia/Beirut"}
    alice.post("/t/acme/customers/new/", typed)
    with tenant_scope(tenant.pk):
        ada = Customer.objects.get()
    assert ada.time_zone == "Asia/Beirut"
    assert "Asia/Beirut" in alice.get(f"/t/acme/customers/{ada.pk}/").content.decode()
    refused = alice.post(f"/t/acme/customers/{ada.pk}/edit/", typed | {"time_zone": "Mars/Olympus"})
    assert refused.status_code == 422
    alice.post(f"/t/acme/customers/{ada.pk}/edit/", typed | {"time_zone": ""})
    with tenant_scope(tenant.pk):
        assert Customer.objects.get().time_zone == ""


def test_a_picture_stands_for_the_initials(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        bob = CustomerFactory(avatar="avatars/abc.webp")
    for url in ("/t/acme/customers/", f"/t/acme/customers/{bob.pk}/"):
        assert "avatars/abc.webp" in alice.get(url).content.decode()


def test_the_first_subscription_may_have_begun_before_today(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        price = PriceFactory()
    today = timezone.localdate()
    typed = {"first_name": "Ada", "last_name": "L", "subscription-price": str(price.pk)}
    late = alice.post("/t/acme/customers/new/", typed | {"subscription-starts_on": str(today - timedelta(days=400))})
    assert late.status_code == 422
    assert "more than a year ago" in late.content.decode()
    alice.post("/t/acme/customers/new/", typed | {"subscription-starts_on": str(today - timedelta(days=40))})
    with tenant_scope(tenant.pk):
        subscription = Subscription.objects.get()
    assert timezone.localdate(subscription.started_at) == today - timedelta(days=40)
    assert subscription.next_billing_at == subscription.started_at


# Roles and tenants


def test_read_only_staff_see_but_cannot_act(tenant: Tenant) -> None:
    reader = sign_in(tenant, Role.READ_ONLY)
    (bob,) = make(tenant, "Bob")
    page = reader.get(f"/t/acme/customers/{bob.pk}/").content.decode()
    for act in ("edit/", "delete/", "invite/", "payment-methods/add/"):
        assert f"{bob.pk}/{act}" not in page
        assert f"{bob.pk}/{act}" not in reader.get("/t/acme/customers/").content.decode()
    assert reader.post("/t/acme/customers/new/", {"first_name": "A", "last_name": "B"}).status_code == 403
    assert reader.post(f"/t/acme/customers/{bob.pk}/edit/", {"first_name": "A", "last_name": "B"}).status_code == 403
    assert reader.post(f"/t/acme/customers/{bob.pk}/delete/").status_code == 403


def test_another_tenants_customer_is_not_there(tenant: Tenant, alice: Client) -> None:
    other = TenantFactory(slug="other")
    (theirs,) = make(other, "Mallory", email="mallory@example.com")
    for page in ("", "edit/", "delete/", "timeline/"):
        assert alice.get(f"/t/acme/customers/{theirs.pk}/{page}").status_code == 404
    assert alice.post(f"/t/acme/customers/{theirs.pk}/delete/").status_code == 404
    assert names(alice.get("/t/acme/customers/", {"q": "mallory"})) == []
    assert alice.get(f"/t/other/customers/{theirs.pk}/").status_code == 404
