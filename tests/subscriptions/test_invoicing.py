"""One-time sales, what an open invoice shows, what is written off; taxes and balances as staff keep them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.models import Address, Customer
from subscriptions.balance import add_balance_entry, balances
from subscriptions.errors import BillingError
from subscriptions.invoicing import bill_purchase, mark_uncollectible, refresh_billing_details
from subscriptions.models import (
    BalanceEntry,
    BalanceEntryKind,
    CustomerBalance,
    Interval,
    Invoice,
    InvoiceState,
    TaxRate,
)
from subscriptions.taxes import create_tax_rate, end_tax_rate, rates_in_force
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    AddressFactory,
    CustomerFactory,
    InvoiceFactory,
    PriceFactory,
    ProductFactory,
    TaxRateFactory,
    TenantFactory,
)

ALICE = Actor.system("alice")
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def bob(db: None) -> Iterator[Customer]:
    with tenant_scope(TenantFactory.create().pk):
        yield CustomerFactory.create(email="")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(BillingError) as caught:
        call()
    assert str(caught.value)
    return caught.value.code


def one_time(**more: object) -> object:
    return PriceFactory.create(interval=Interval.ONE_TIME, **more)


class TestPurchase:
    def test_is_an_invoice_of_its_own(self, bob: Customer) -> None:
        TaxRateFactory.create()
        invoice = bill_purchase(actor=ALICE, customer=bob, price=one_time(amount_minor=2500), quantity=2, now=NOON)  # type: ignore[arg-type]
        assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (5000, 250, 5250)
        assert (invoice.subscription, invoice.period_start, invoice.next_attempt_at) == (None, None, NOON)
        line = invoice.lines.get()
        assert (line.quantity, line.period_start) == (2, None)

    @pytest.mark.parametrize(
        ("currency", "unit", "tax"), [("JPY", 500, 50), ("KWD", 1250, 130), ("ISK", 50100, 5000), ("CAD", 5, 1)]
    )
    def test_is_counted_in_the_currencys_own_units(self, bob: Customer, currency: str, unit: int, tax: int) -> None:
        TaxRateFactory.create(percent=10)
        invoice = bill_purchase(actor=ALICE, customer=bob, price=one_time(amount_minor=unit, currency=currency))  # type: ignore[arg-type]
        assert (invoice.tax_minor, invoice.currency) == (tax, currency)

    def test_of_what_recurs_or_is_no_longer_sold_is_refused(self, bob: Customer) -> None:
        def buy(**more: object) -> str:
            options = {"actor": ALICE, "customer": bob, "price": one_time()} | more
            return refusal(lambda: bill_purchase(**options))  # type: ignore[arg-type]

        assert buy(price=PriceFactory.create()) == "not_one_time"
        assert buy(price=one_time(is_active=False)) == "price_inactive"
        assert buy(quantity=0) == "bad_quantity"
        assert not Invoice.objects.exists()


class TestOpenInvoice:
    @pytest.fixture
    def invoice(self, bob: Customer) -> Invoice:
        AddressFactory.create(customer=bob, city="Montréal")
        TaxRateFactory.create()
        return bill_purchase(actor=ALICE, customer=bob, price=one_time(amount_minor=1000))  # type: ignore[arg-type]

    def test_shows_new_billing_details_when_told_and_keeps_its_amounts(self, bob: Customer, invoice: Invoice) -> None:
        Address.objects.update(city="Québec", country="US")
        Customer.objects.update(organisation="Bob SA", vat_number="FR40303265045", tax_exempt=True)
        assert Invoice.objects.get().customer_details["address"]["city"] == "Montréal"
        assert refresh_billing_details(actor=ALICE, invoice=invoice)
        stored = Invoice.objects.get()
        details = stored.customer_details
        assert (details["organisation"], details["vat_number"]) == ("Bob SA", "FR40303265045")
        assert details["address"]["city"] == "Québec"
        assert (stored.total_minor, stored.tax_minor, details["tax_exempt"]) == (1050, 50, False)
        entry = AuditEntry.objects.get(action="invoice.details_refreshed")
        assert entry.before["address"]["city"] == "Montréal"
        assert not refresh_billing_details(actor=ALICE, invoice=invoice)

    def test_is_written_off_for_a_reason(self, invoice: Invoice) -> None:
        assert refusal(lambda: mark_uncollectible(actor=ALICE, invoice=invoice, reason=" ")) == "reason_missing"
        written_off = mark_uncollectible(actor=ALICE, invoice=invoice, reason="Moved abroad")
        assert (written_off.state, written_off.next_attempt_at) == (InvoiceState.UNCOLLECTIBLE, None)
        assert AuditEntry.objects.get(action="invoice.written_off").reason == "Moved abroad"

    @pytest.mark.parametrize("state", [state for state in InvoiceState if state != InvoiceState.OPEN])
    def test_only_an_open_one_is_changed(self, bob: Customer, state: str) -> None:
        invoice = InvoiceFactory.create(customer=bob, state=state)
        assert refusal(lambda: refresh_billing_details(actor=ALICE, invoice=invoice)) == "not_open"
        assert refusal(lambda: mark_uncollectible(actor=ALICE, invoice=invoice, reason="Lost")) == "not_open"

    def test_what_the_gateway_bills_is_changed_there(self, bob: Customer) -> None:
        invoice = InvoiceFactory.create(customer=bob, gateway_id="in_1")
        assert refusal(lambda: refresh_billing_details(actor=ALICE, invoice=invoice)) == "gateway_billed"


class TestTaxRates:
    def rate(self, **more: object) -> TaxRate:
        options = {"actor": ALICE, "code": "gst ", "name_en": "GST", "percent": Decimal(5), "country": "CA"} | more
        return create_tax_rate(**options)  # type: ignore[arg-type]

    def test_are_added_and_ended(self, bob: Customer) -> None:
        old = self.rate()
        assert old.code == "GST"
        end_tax_rate(actor=ALICE, rate=old, valid_until=date(2027, 3, 1))
        new = self.rate(percent=Decimal(6), valid_from=date(2027, 3, 1))
        assert rates_in_force(date(2027, 2, 28)) == [old]
        assert rates_in_force(date(2027, 3, 1)) == [new]
        actions = AuditEntry.objects.filter(target_type="subscriptions.taxrate").order_by("at")
        assert [entry.action for entry in actions] == ["tax_rate.created", "tax_rate.ended", "tax_rate.created"]

    def test_today_is_the_tenants(self, bob: Customer) -> None:
        rate = self.rate()
        assert rates_in_force() == [rate]

    def test_of_one_tax_for_one_place_do_not_overlap(self, bob: Customer) -> None:
        self.rate(valid_from=date(2027, 1, 1), valid_until=date(2028, 1, 1))
        assert refusal(self.rate) == "overlaps"
        assert refusal(lambda: self.rate(valid_from=date(2027, 12, 31))) == "overlaps"
        assert refusal(lambda: self.rate(valid_until=date(2027, 1, 2))) == "overlaps"
        self.rate(valid_from=date(2028, 1, 1))
        self.rate(valid_until=date(2027, 1, 1))
        self.rate(region="QC")
        self.rate(product=ProductFactory.create())
        self.rate(country="FR")
        self.rate(code="HST")

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"code": " "}, "code_missing"),
            ({"name_en": ""}, "name_missing"),
            ({"percent": Decimal(-1)}, "bad_percent"),
            ({"percent": Decimal("100.0001")}, "bad_percent"),
            ({"percent": Decimal("9.97501")}, "bad_percent"),
            ({"percent": Decimal("NaN")}, "bad_percent"),
            ({"country": "", "region": "QC"}, "region_without_country"),
            ({"valid_from": date(2027, 3, 1), "valid_until": date(2027, 3, 1)}, "bad_dates"),
        ],
    )
    def test_say_what_is_wrong_with_them(self, bob: Customer, wrong: dict[str, object], code: str) -> None:
        assert refusal(lambda: self.rate(**wrong)) == code

    def test_do_not_end_before_they_began(self, bob: Customer) -> None:
        rate = self.rate(valid_from=date(2027, 3, 1))
        end = date(2027, 2, 1)
        assert refusal(lambda: end_tax_rate(actor=ALICE, rate=rate, valid_until=end)) == "bad_dates"


class TestBalances:
    def add(self, bob: Customer, amount_minor: int, **more: object) -> BalanceEntry:
        options = {"currency": "cad", "reason": "Goodwill"} | more
        return add_balance_entry(actor=ALICE, customer=bob, amount_minor=amount_minor, **options)  # type: ignore[arg-type]

    def test_are_kept_by_currency(self, bob: Customer) -> None:
        self.add(bob, 500)
        entry = self.add(bob, -200, reason="Mistake")
        self.add(bob, 300, currency="EUR")
        self.add(bob, 100, currency="USD")
        self.add(bob, -100, currency="USD")
        assert balances(bob) == {"CAD": 300, "EUR": 300}
        assert (entry.balance_after_minor, entry.actor_label, entry.reason) == (300, "alice", "Mistake")
        told = AuditEntry.objects.filter(action="customer.balance_changed", customer_id=bob.pk)
        assert told.count() == 5

    @pytest.mark.parametrize(
        ("amount", "more", "code"),
        [
            (0, {}, "bad_amount"),
            (10**12, {}, "bad_amount"),
            (-(10**12), {}, "bad_amount"),
            (5, {"currency": "XX"}, "bad_currency"),
            (5, {"reason": " "}, "reason_missing"),
        ],
    )
    def test_say_what_is_wrong_with_an_entry(
        self, bob: Customer, amount: int, more: dict[str, object], code: str
    ) -> None:
        assert refusal(lambda: self.add(bob, amount, **more)) == code
        assert not CustomerBalance.objects.exists()

    def test_have_a_limit_for_what_is_typed_and_none_for_what_an_invoice_gives_back(self, bob: Customer) -> None:
        self.add(bob, -(10**12 - 1))
        assert refusal(lambda: self.add(bob, -1)) == "bad_amount"
        self.add(bob, -(10**13), kind=BalanceEntryKind.RETURNED)
        assert refusal(lambda: self.add(bob, -1)) == "bad_amount"
        self.add(bob, 500)
        assert balances(bob) == {"CAD": -(10**13) - 10**12 + 501}

    @pytest.mark.django_db(transaction=True)
    def test_lose_no_entry_of_several_at_once(self) -> None:
        tenant: Tenant = TenantFactory.create()
        with tenant_scope(tenant.pk):
            carol = CustomerFactory.create()
        start, errors = Barrier(4), []

        def work() -> None:
            try:
                start.wait()
                for _ in range(5):
                    with tenant_scope(tenant.pk):
                        self.add(carol, 10)
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        with tenant_scope(tenant.pk):
            assert balances(carol) == {"CAD": 200}
            assert sorted(BalanceEntry.objects.values_list("balance_after_minor", flat=True)) == [*range(10, 210, 10)]
