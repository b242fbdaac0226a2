"""The demonstration's data: believable, and the same here and at the sandbox."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import phonenumbers
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from backoffice.demo.people import PASSWORD, STAFF
from backoffice.demo.tour import EMAIL
from customers.addresses import check_address
from customers.models import Address, Customer
from customers.validation import parse_phone, parse_vat_number
from invitations.models import Invitation, InvitationState
from payments.models import GatewayAccount, GatewayCustomer, PaymentProfile, ProfileState
from propagation.impact import preview
from propagation.models import Change, ChangeKind, ChangeState
from subscriptions.billing.transitions import next_look
from subscriptions.calculators.periods import period
from subscriptions.closing import months_to_close
from subscriptions.models import (
    BILLED_STATES,
    BalanceEntry,
    BilledBy,
    CustomerBalance,
    Invoice,
    InvoiceState,
    MonthlyFigures,
    Price,
    Refund,
    RefundState,
    Subscription,
    SubscriptionState,
    TaxRate,
)
from tenants.models import AuditEntry, Membership, MethodKind, Role, Tenant, User
from tenants.scope import tenant_scope
from tests import database
from tests.processes import Sandbox

SLUGS = ("maple", "lumiere")


pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def loaded(
    django_db_setup: None,
    django_db_blocker: Any,
    sandbox_process: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sandbox]:
    """Loaded once, for tests that only read, each in a transaction of its own."""
    sandbox_process.reset()
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        call_command("load_demo", stdout=StringIO())
        yield sandbox_process
        database.delete_all_rows(connection.settings_dict["NAME"])


def objects(sandbox: Sandbox, slug: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in sandbox.control("GET", f"objects/{kind}", params={"account": slug})}


def scope_of(slug: str) -> Any:
    return tenant_scope(Tenant.objects.get(slug=slug).pk)


def test_both_sides_agree(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            check_methods(objects(loaded, slug, "payment_method"))
            check_customers(objects(loaded, slug, "customer"))
            check_subscriptions(objects(loaded, slug, "subscription"))
            check_invoices(objects(loaded, slug, "invoice"))


def check_methods(there: dict[str, dict[str, Any]]) -> None:
    for profile in PaymentProfile.objects.all():
        if profile.state == ProfileState.DISABLED:
            assert profile.gateway_id not in there
            continue
        method = there[profile.gateway_id]
        if profile.kind != MethodKind.CARD:
            assert (method["type"], method[profile.kind]["last4"]) == (profile.kind, profile.last4)
            continue
        card = method["card"]
        assert (card["brand"], card["last4"]) == (profile.brand, profile.last4)
        assert (card["exp_month"], card["exp_year"]) == (profile.exp_month, profile.exp_year)
        assert card["fingerprint"] == profile.fingerprint
        assert (method["customer"] is not None) == (profile.state == ProfileState.ACTIVE)


def check_customers(there: dict[str, dict[str, Any]]) -> None:
    for row in GatewayCustomer.objects.select_related("customer"):
        default = PaymentProfile.objects.filter(customer=row.customer, is_default=True).first()
        assert there[row.gateway_id]["invoice_settings"]["default_payment_method"] == (
            default.gateway_id if default else None
        )
        assert there[row.gateway_id]["email"] == (row.customer.email or None)


def check_subscriptions(there: dict[str, dict[str, Any]]) -> None:
    ours = Subscription.objects.filter(billed_by=BilledBy.GATEWAY).select_related("payment_profile")
    assert ours
    for subscription in ours:
        found = there.pop(subscription.gateway_id)
        pinned = subscription.payment_profile
        assert found["default_payment_method"] == (pinned.gateway_id if pinned else None)
        assert found["status"].replace("canceled", "cancelled") == subscription.state
        assert subscription.current_period_end
        assert found["items"]["data"][0]["current_period_end"] == subscription.current_period_end.timestamp()
    assert not there


def check_invoices(there: dict[str, dict[str, Any]]) -> None:
    ours = Invoice.objects.exclude(gateway_id="")
    for invoice in ours:
        found = there.pop(invoice.gateway_id)
        assert (found["status"], found["amount_due"]) == (invoice.state, invoice.total_minor)
        assert found["currency"] == invoice.currency.lower()
    assert not there


def test_shows_every_state_that_the_product_knows(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            assert Customer.objects.count() >= 60
            assert Address.objects.values("country").distinct().count() >= 5
            methods = Counter(len(customer.payment_profiles.all()) for customer in Customer.objects.all())
            assert methods[0] >= 3
            assert methods[1] >= 20
            assert methods[2] + methods[3] >= 5
            shown = Counter(profile.display_state for profile in PaymentProfile.objects.all())
            assert {"active", "expiring", "expired", "disabled", "replaced"} <= shown.keys()
            states = set(Subscription.objects.values_list("state", "billed_by"))
            assert {state for state, _by in states} == set(SubscriptionState.values)
            for state in (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE):
                assert {(state, BilledBy.US), (state, BilledBy.GATEWAY)} <= states
            assert set(Invitation.objects.values_list("state", flat=True)) == set(InvitationState.values)
            invoices = {invoice.display_state for invoice in Invoice.objects.all()}
            assert invoices >= {"past_due", "paid", "void", "uncollectible"}
            assert Customer.objects.filter(email="").exists()
            assert Customer.objects.filter(phone="").exists()
            assert AuditEntry.objects.filter(action="customer.created").count() == Customer.objects.count()


def test_people_and_their_details_pass_our_own_checks(loaded: Sandbox) -> None:
    landlines = 0
    for slug in SLUGS:
        with scope_of(slug):
            for address in Address.objects.all():
                assert check_address({name: getattr(address, name) for name in ADDRESS_FIELDS})[1] == {}, address
            for customer in Customer.objects.prefetch_related("addresses"):
                assert parse_phone(str(customer.phone), "") == (customer.phone.as_e164 if customer.phone else "")
                country = str(customer.addresses.all()[0].country)
                assert parse_vat_number(customer.vat_number, country) == customer.vat_number
                if customer.phone:
                    kind = phonenumbers.number_type(phonenumbers.parse(str(customer.phone)))
                    landlines += kind == phonenumbers.PhoneNumberType.FIXED_LINE
            assert Customer.objects.exclude(vat_number="").exists()
    assert landlines >= 3


ADDRESS_FIELDS = ("line1", "line2", "city", "region", "postal_code", "country")


def test_camille_can_show_everything_that_an_update_moves(loaded: Sandbox) -> None:
    with scope_of("maple"):
        camille = Customer.objects.get(email=EMAIL)
        profiles = camille.payment_profiles.all()
        assert sorted(profile.display_state for profile in profiles) == ["active", "expired", "expiring"]
        old = profiles.get(is_default=True)
        impact = preview(customer=camille, kind=ChangeKind.REPLACE, old_profile=old)
        assert {moved.billed_by for moved in impact.subscriptions} == {BilledBy.US, BilledBy.GATEWAY}
        assert len(impact.collected) == 2
        assert {bool(moved.invoice.gateway_id) for moved in impact.collected} == {True, False}


def test_a_declined_collection_waits_for_staff(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            change = Change.objects.get(state=ChangeState.NEEDS_ATTENTION)
            failed = change.steps.get(state="failed")
            assert failed.gateway_message
            assert failed.gateway_request_id in {request["request_id"] for request in loaded.requests(account=slug)}
            assert change.steps.filter(state="done").exists()
            assert failed.invoice.state == InvoiceState.OPEN
            assert Change.objects.exclude(pk=change.pk).filter(state=ChangeState.DONE).count() >= 8


def test_the_billing_run_finds_what_it_expects(loaded: Sandbox) -> None:
    """Dates and periods are its own: nothing is due at once, and every invoice is one that it would have made."""
    for slug in SLUGS:
        with scope_of(slug):
            ours = Subscription.objects.filter(billed_by=BilledBy.US).select_related("price")
            assert not ours.filter(next_billing_at__lte=timezone.now()).exists()
            for subscription in ours:
                assert subscription.next_billing_at == next_look(subscription)
                if subscription.state in BILLED_STATES:
                    assert subscription.next_billing_at == subscription.current_period_end
            for invoice in Invoice.objects.filter(subscription__in=ours).select_related("subscription__price"):
                check_period(invoice)
            assert not Invoice.objects.filter(next_attempt_at__lte=timezone.now()).exists()
            numbers = list(Invoice.objects.order_by("issued_at", "number").values_list("number", flat=True))
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def check_period(invoice: Invoice) -> None:
    subscription = invoice.subscription
    assert subscription
    assert invoice.period_start
    assert invoice.period_end
    assert invoice.period_start <= invoice.issued_at < invoice.period_start + timedelta(minutes=1)
    price, anchor = subscription.price, subscription.anchor_at
    assert anchor
    found = {
        period(anchor, subscription.time_zone, price.interval, price.interval_count, number)[1:3]
        for number in range(subscription.next_period)
    }
    assert (invoice.period_start, invoice.period_end) in found


def test_amounts_taxes_and_balances_add_up(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            for invoice in Invoice.objects.prefetch_related("lines", "taxes"):
                assert invoice.subtotal_minor == sum(line.amount_minor for line in invoice.lines.all())
                assert invoice.tax_minor == sum(tax.tax_minor for tax in invoice.taxes.all())
                assert invoice.total_minor == invoice.subtotal_minor + invoice.tax_minor
                assert invoice.customer_details["name"]
                assert invoice.issuer["legal_name"]
            for balance in CustomerBalance.objects.all():
                entries = BalanceEntry.objects.filter(customer=balance.customer, currency=balance.currency)
                assert balance.amount_minor == sum(entry.amount_minor for entry in entries)
            assert CustomerBalance.objects.filter(amount_minor__gt=0).exists()
            assert TaxRate.objects.exists()
            sources = set(Invoice.objects.filter(is_recovered=True).values_list("paid_through", flat=True))
            assert {"invitation", "retry"} <= sources
            assert Price.objects.filter(is_public=True, interval="one_time").exists()
            assert PaymentProfile.objects.exclude(kind=MethodKind.CARD).exists()


def test_something_was_really_sold_and_partly_refunded(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            refund = Refund.objects.get()
            assert refund.state == RefundState.SUCCEEDED
            assert refund.invoice.refunded_minor == refund.amount_minor
            there = objects(loaded, slug, "refund")
            assert there[refund.gateway_id]["amount"] == refund.amount_minor


def test_staff_of_every_role_can_sign_in(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            assert set(Membership.objects.values_list("role", flat=True)) == set(Role.values)
            assert GatewayAccount.objects.get().webhook_endpoint_id
    person = STAFF[0]
    assert User.objects.get(email=person.email).check_password(PASSWORD)
    assert set(person.places) == set(SLUGS)
    out = StringIO()
    call_command("load_demo", stdout=out)
    assert PASSWORD in out.getvalue()
    assert all(person.email in out.getvalue() for person in STAFF)


def test_loads_once(loaded: Sandbox) -> None:
    requests = len(loaded.requests())
    with scope_of("maple"):
        before = Customer.objects.count(), AuditEntry.objects.count()
    call_command("load_demo", stdout=StringIO())
    with scope_of("maple"):
        assert (Customer.objects.count(), AuditEntry.objects.count()) == before
    assert len(loaded.requests()) == requests


def test_finishes_a_load_that_was_cut_short(loaded: Sandbox) -> None:
    with scope_of("lumiere"):
        GatewayAccount.objects.all().delete()
        Change.objects.filter(state=ChangeState.NEEDS_ATTENTION).delete()
        customers = Customer.objects.count()
    call_command("load_demo", stdout=StringIO())
    with scope_of("lumiere"):
        assert GatewayAccount.objects.exists()
        assert Customer.objects.count() == customers


def test_the_months_behind_it_are_closed(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            rows = list(MonthlyFigures.objects.prefetch_related("amounts"))
            assert len(rows) == 12
            assert months_to_close(timezone.now()) == []
            assert all(any(one.revenue_minor > 0 for one in row.amounts.all()) for row in rows)
            assert any(one.recovered for row in rows for one in row.amounts.all())
            closings = AuditEntry.objects.filter(action="month.closed")
            assert {entry.at for entry in closings} == {row.closed_at for row in rows}


def test_some_have_paused_and_missed_no_invoice(loaded: Sandbox) -> None:
    for slug in SLUGS:
        with scope_of(slug):
            assert MonthlyFigures.objects.filter(paused__gt=0).count() >= 6
            for pause in AuditEntry.objects.filter(action="subscription.paused"):
                later = AuditEntry.objects.filter(target_id=pause.target_id, at__gt=pause.at)
                resumed = later.filter(action="subscription.resumed").earliest("at")
                while_paused = (pause.at, resumed.at)
                assert not Invoice.objects.filter(
                    subscription=pause.target_id, period_start__range=while_paused
                ).exists()
