"""The billing run: one invoice for each period, whatever happens around it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.models import Customer
from customers.services import CannotDelete, delete_customer
from subscriptions.balance import add_balance_entry, balances
from subscriptions.billing.run import Billed, bill_due
from subscriptions.models import (
    BalanceEntry,
    Interval,
    Invoice,
    InvoiceState,
    PaidThrough,
    Subscription,
    SubscriptionState,
    TaxTreatment,
)
from subscriptions.services import create_subscription
from tenants.actors import Actor
from tenants.models import AuditEntry, NumberSequence, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    AddressFactory,
    CustomerFactory,
    PriceFactory,
    TaxRateFactory,
    TenantFactory,
)

ALICE = Actor.system("alice")
START = datetime(2027, 1, 31, 15, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create(country="CA", time_zone="America/Toronto")


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        return CustomerFactory.create(email="")


@pytest.fixture
def in_scope(tenant: Tenant) -> Iterator[None]:
    with tenant_scope(tenant.pk):
        yield


def subscribe(bob: Customer, **more: object) -> Subscription:
    price = {"amount_minor": 1999} | {k: more.pop(k) for k in list(more) if k in PRICE_FIELDS}
    options: dict[str, object] = {"started_at": START} | more
    return create_subscription(actor=ALICE, customer=bob, price=PriceFactory.create(**price), **options)  # type: ignore[arg-type]


PRICE_FIELDS = {"amount_minor", "currency", "interval", "interval_count", "trial_days"}


def invoices() -> list[Invoice]:
    return list(Invoice.objects.order_by("number"))


def days(n: float) -> timedelta:
    return timedelta(days=n)


def run(tenant: Tenant, now: datetime, limit: int = 200) -> Billed:
    return bill_due(tenant.pk, now=now, limit=limit)


@pytest.mark.usefixtures("in_scope")
class TestOnePeriod:
    def test_is_billed_in_advance_at_its_beginning(self, tenant: Tenant, bob: Customer) -> None:
        subscription = subscribe(bob, quantity=2)
        assert run(tenant, START - days(1)) == Billed()
        assert run(tenant, START) == Billed(invoices=1)
        (invoice,) = invoices()
        end = datetime(2027, 2, 28, 15, 30, tzinfo=UTC)
        assert (invoice.period_start, invoice.period_end) == (START, end)
        assert (invoice.issued_at, invoice.due_at, invoice.next_attempt_at) == (START, START, START)
        assert (invoice.total_minor, invoice.currency, invoice.state) == (3998, "CAD", InvoiceState.OPEN)
        (line,) = invoice.lines.all()
        assert (line.quantity, line.unit_amount_minor, line.amount_minor) == (2, 1999, 3998)
        assert (line.description_en, line.period_start) == (subscription.price.product.name_en, START)
        subscription.refresh_from_db()
        assert (subscription.next_period, subscription.next_billing_at) == (1, end)
        assert (subscription.current_period_start, subscription.current_period_end) == (START, end)
        assert AuditEntry.objects.filter(action="invoice.created", customer_id=bob.pk).count() == 1

    def test_is_billed_once_however_often_the_run_comes(self, tenant: Tenant, bob: Customer) -> None:
        subscribe(bob)
        for _ in range(3):
            run(tenant, START + days(1))
        assert len(invoices()) == 1

    def test_is_due_after_the_tenants_days_to_pay(self, tenant: Tenant, bob: Customer) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(payment_terms_days=14)
        subscribe(bob)
        run(tenant, START)
        assert [invoice.due_at for invoice in invoices()] == [START + days(14)]

    def test_that_costs_nothing_is_paid_at_once(self, tenant: Tenant, bob: Customer) -> None:
        subscribe(bob, amount_minor=0)
        run(tenant, START)
        (invoice,) = invoices()
        assert (invoice.state, invoice.paid_through, invoice.paid_at) == ("paid", PaidThrough.RENEWAL, START)
        assert invoice.next_attempt_at is None

    def test_freezes_who_bought_and_who_sold(self, tenant: Tenant, bob: Customer) -> None:
        AddressFactory.create(customer=bob)
        Customer.objects.filter(pk=bob.pk).update(vat_number="FR40303265045", organisation="Bob SA")
        subscribe(bob)
        run(tenant, START)
        (invoice,) = invoices()
        details = invoice.customer_details
        assert (details["vat_number"], details["organisation"]) == ("FR40303265045", "Bob SA")
        assert details["address"]["city"] == "Montréal"
        assert invoice.issuer["name"] == tenant.name


@pytest.mark.usefixtures("in_scope")
class TestSeveralPeriods:
    def test_month_ends_are_counted_from_the_anchor(self, tenant: Tenant, bob: Customer) -> None:
        subscribe(bob)
        run(tenant, datetime(2027, 5, 1, tzinfo=UTC))
        starts = [invoice.period_start for invoice in invoices()]
        # 10:30 in Toronto, also after the clocks went forward on 14 March.
        assert [f"{start:%d %b %H:%M}" for start in starts if start] == [
            "31 Jan 15:30",
            "28 Feb 15:30",
            "31 Mar 14:30",
            "30 Apr 14:30",
        ]

    def test_missed_by_an_outage_are_each_billed_and_tile_time(self, tenant: Tenant, bob: Customer) -> None:
        for interval in (Interval.DAY, Interval.WEEK):
            subscribe(bob, interval=interval)
        billed = run(tenant, START + days(20))
        made = invoices()
        assert billed.invoices == len(made) == 21 + 3
        for subscription in Subscription.objects.all():
            own = [invoice for invoice in made if invoice.subscription_id == subscription.pk]
            assert [one.period_end for one in own[:-1]] == [one.period_start for one in own[1:]]
        assert [invoice.number for invoice in made] == list(range(1001, 1025))

    def test_a_limit_leaves_the_rest_for_later(self, tenant: Tenant, bob: Customer) -> None:
        subscribe(bob, interval=Interval.DAY)
        assert run(tenant, START + days(9), limit=4) == Billed(invoices=4, more=True)
        assert run(tenant, START + days(9), limit=100) == Billed(invoices=6)

    def test_a_trial_comes_first_and_is_free(self, tenant: Tenant, bob: Customer) -> None:
        subscription = subscribe(bob, trial_days=30)
        end = datetime(2027, 3, 2, 15, 30, tzinfo=UTC)
        assert (subscription.state, subscription.current_period_end) == (SubscriptionState.TRIALING, end)
        assert run(tenant, end - days(1)) == Billed()
        run(tenant, end)
        subscription.refresh_from_db()
        assert subscription.state == SubscriptionState.ACTIVE
        assert [invoice.period_start for invoice in invoices()] == [end]
        assert AuditEntry.objects.filter(action="subscription.state_changed").count() == 1


@pytest.mark.usefixtures("in_scope")
class TestTaxes:
    def test_of_the_billing_address_are_charged(self, tenant: Tenant, bob: Customer) -> None:
        AddressFactory.create(customer=bob, region="QC")
        TaxRateFactory.create()
        TaxRateFactory.create(code="QST", name_en="QST", name_fr="TVQ", percent="9.975", region="QC")
        TaxRateFactory.create(code="HST", percent=13, region="ON")
        subscribe(bob, amount_minor=10000)
        run(tenant, START)
        (invoice,) = invoices()
        assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (10000, 1498, 11498)
        assert [(tax.code, tax.tax_minor, tax.taxable_minor) for tax in invoice.taxes.all()] == [
            ("GST", 500, 10000),
            ("QST", 998, 10000),
        ]
        assert invoice.lines.get().tax_codes == ["GST", "QST"]

    def test_change_with_the_local_date_on_which_a_period_begins(self, tenant: Tenant, bob: Customer) -> None:
        """1 March in UTC is still 28 February in Toronto."""
        TaxRateFactory.create(percent=5, valid_until="2027-03-01")
        TaxRateFactory.create(percent=6, valid_from="2027-03-01")
        start = datetime(2027, 2, 28, 3, tzinfo=UTC)
        subscribe(bob, amount_minor=1000, interval=Interval.DAY, started_at=start)
        run(tenant, start + days(2))
        assert [invoice.tax_minor for invoice in invoices()] == [50, 50, 60]

    def test_are_not_charged_to_whoever_was_exempted_in_between(self, tenant: Tenant, bob: Customer) -> None:
        TaxRateFactory.create()
        subscribe(bob, amount_minor=1000)
        run(tenant, START)
        Customer.objects.filter(pk=bob.pk).update(tax_exempt=True)
        run(tenant, START + days(31))
        assert [(invoice.tax_minor, invoice.tax_treatment) for invoice in invoices()] == [
            (50, TaxTreatment.STANDARD),
            (0, TaxTreatment.EXEMPT),
        ]
        assert not invoices()[1].taxes.exists()

    def test_are_left_to_a_business_abroad(self, tenant: Tenant, bob: Customer) -> None:
        Customer.objects.filter(pk=bob.pk).update(vat_number="FR40303265045")
        AddressFactory.create(customer=bob, country="FR", region="")
        TaxRateFactory.create(code="VAT", percent=20, country="FR", reverse_charge=True)
        subscribe(bob)
        run(tenant, START)
        (invoice,) = invoices()
        assert (invoice.tax_treatment, invoice.tax_minor) == (TaxTreatment.REVERSE_CHARGE, 0)


@pytest.mark.usefixtures("in_scope")
class TestBalance:
    def credit(self, bob: Customer, amount_minor: int, currency: str = "CAD") -> None:
        add_balance_entry(actor=ALICE, customer=bob, currency=currency, amount_minor=amount_minor, reason="Goodwill")

    def test_pays_as_far_as_it_goes(self, tenant: Tenant, bob: Customer) -> None:
        self.credit(bob, 2500)
        subscribe(bob, amount_minor=1999, interval=Interval.DAY)
        run(tenant, START + days(2))
        assert [(one.balance_applied_minor, one.amount_due_minor, one.state) for one in invoices()] == [
            (1999, 0, InvoiceState.PAID),
            (501, 1498, InvoiceState.OPEN),
            (0, 1999, InvoiceState.OPEN),
        ]
        assert (invoices()[0].paid_through, invoices()[0].paid_at) == (PaidThrough.BALANCE, START + days(2))
        assert balances(bob) == {}
        ledger = BalanceEntry.objects.order_by("created_at").values_list("amount_minor", "balance_after_minor", "kind")
        assert list(ledger) == [(2500, 2500, "manual"), (-1999, 501, "applied"), (-501, 0, "applied")]

    def test_of_a_debtor_is_added_to_the_next_invoice(self, tenant: Tenant, bob: Customer) -> None:
        self.credit(bob, -300)
        subscribe(bob, amount_minor=0, interval=Interval.DAY)
        run(tenant, START + days(1))
        assert [(one.balance_applied_minor, one.amount_due_minor, one.state) for one in invoices()] == [
            (-300, 300, InvoiceState.OPEN),
            (0, 0, InvoiceState.PAID),
        ]
        assert balances(bob) == {}

    def test_in_another_currency_is_left_alone(self, tenant: Tenant, bob: Customer) -> None:
        self.credit(bob, 2500, "USD")
        subscribe(bob)
        run(tenant, START)
        assert invoices()[0].amount_due_minor == 1999
        assert balances(bob) == {"USD": 2500}

    def test_is_shared_by_the_subscriptions_of_one_batch(self, tenant: Tenant, bob: Customer) -> None:
        self.credit(bob, 2500)
        subscribe(bob)
        subscribe(bob)
        run(tenant, START)
        assert [one.balance_applied_minor for one in invoices()] == [1999, 501]


@pytest.mark.usefixtures("in_scope")
class TestTrouble:
    def spoil(self, subscription: Subscription) -> None:
        Subscription.objects.filter(pk=subscription.pk).update(time_zone="Nowhere/At_All")

    def test_of_one_subscription_holds_up_no_other(self, tenant: Tenant, bob: Customer) -> None:
        broken, fine = subscribe(bob), subscribe(bob)
        self.spoil(broken)
        now = START + timedelta(minutes=10)
        assert run(tenant, now) == Billed(invoices=1, failed=1)
        broken.refresh_from_db()
        assert (broken.next_billing_at, broken.next_period) == (START, 0)
        assert broken.billing_error
        assert broken.billing_retry_at == now + timedelta(minutes=10)
        assert [one.subscription for one in invoices()] == [fine]
        assert run(tenant, now + timedelta(minutes=1)) == Billed()
        assert run(tenant, now + timedelta(hours=5)).failed == 1
        broken.refresh_from_db()
        assert broken.billing_retry_at == now + timedelta(hours=6)
        assert AuditEntry.objects.filter(action="subscription.billing_failed").count() == 1  # not for each try

    def test_that_is_over_is_forgotten(self, tenant: Tenant, bob: Customer) -> None:
        broken = subscribe(bob)
        self.spoil(broken)
        run(tenant, START)
        Subscription.objects.filter(pk=broken.pk).update(time_zone="UTC")
        assert run(tenant, START + timedelta(hours=2)).invoices == 1
        broken.refresh_from_db()
        assert (broken.billing_error, broken.billing_retry_at) == ("", None)

    def test_a_period_that_was_billed_is_refused_by_the_database(self, tenant: Tenant, bob: Customer) -> None:
        """Whatever set the subscription back: nothing is billed twice, and someone is told."""
        subscription = subscribe(bob)
        run(tenant, START)
        Subscription.objects.filter(pk=subscription.pk).update(next_period=0, next_billing_at=START)
        assert run(tenant, START + days(1)) == Billed(failed=1)
        subscription.refresh_from_db()
        assert subscription.billing_error == "IntegrityError"
        assert [one.number for one in invoices()] == [1001]
        assert NumberSequence.objects.get(name="invoice").last == 1001

    def test_leaves_no_gap_in_the_numbers(self, tenant: Tenant, bob: Customer) -> None:
        made = [subscribe(bob) for _ in range(5)]
        self.spoil(made[2])
        run(tenant, START)
        assert [one.number for one in invoices()] == [1001, 1002, 1003, 1004]
        assert NumberSequence.objects.get(name="invoice").last == 1004

    def test_a_customer_who_is_billed_is_not_deleted(self, tenant: Tenant, bob: Customer) -> None:
        subscribe(bob)
        run(tenant, START)
        with pytest.raises(CannotDelete) as refused:
            delete_customer(actor=ALICE, customer=bob)
        assert {blocker.kind for blocker in refused.value.blockers} == {"subscription", "invoice"}

    def test_a_customer_with_a_balance_is_not_deleted(self, tenant: Tenant, bob: Customer) -> None:
        add_balance_entry(actor=ALICE, customer=bob, currency="CAD", amount_minor=5, reason="Goodwill")
        with pytest.raises(CannotDelete) as refused:
            delete_customer(actor=ALICE, customer=bob)
        assert [blocker.kind for blocker in refused.value.blockers] == ["balance"]


def at_once(count: int, action: Callable[[], object]) -> None:
    """The action in so many threads, begun together; what one raises, the test raises."""
    start, errors = Barrier(count), []

    def work() -> None:
        try:
            start.wait()
            action()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_several_runs_bill_each_period_once(self, tenant: Tenant) -> None:
        with tenant_scope(tenant.pk):
            price = PriceFactory.create(interval=Interval.DAY)
            for _ in range(20):
                carol = CustomerFactory.create(email="")
                add_balance_entry(actor=ALICE, customer=carol, currency="CAD", amount_minor=3000, reason="Goodwill")
                for _ in range(2):
                    create_subscription(actor=ALICE, customer=carol, price=price, started_at=START)

        def until_done() -> None:
            while run(tenant, START + days(4), limit=7).more:
                pass

        at_once(4, until_done)
        with tenant_scope(tenant.pk):
            made = invoices()
            assert len({(one.subscription_id, one.period_start) for one in made}) == len(made) == 40 * 5
            assert [one.number for one in made] == list(range(1001, 1001 + len(made)))
            assert sum(one.balance_applied_minor for one in made) == 20 * 3000

    def test_a_run_that_dies_before_its_commit_leaves_everything_to_the_next(self, tenant: Tenant) -> None:
        with tenant_scope(tenant.pk):
            subscribe(CustomerFactory.create(email=""))

        class Killed(BaseException):
            """As a signal is."""

        def die(execute: Callable[..., object], sql: str, *more: object) -> object:
            if sql.lstrip().startswith("UPDATE subscriptions_subscription s"):
                raise Killed
            return execute(sql, *more)

        with connection.execute_wrapper(die), pytest.raises(Killed):
            run(tenant, START)
        with tenant_scope(tenant.pk):
            assert not invoices()
        assert run(tenant, START) == Billed(invoices=1)
        with tenant_scope(tenant.pk):
            assert [one.number for one in invoices()] == [1001]

    def test_the_run_reads_a_customer_who_is_being_edited_without_waiting(self, tenant: Tenant) -> None:
        with tenant_scope(tenant.pk):
            bob = CustomerFactory.create(email="")
            subscribe(bob)
        with tenant_scope(tenant.pk):
            Customer.objects.filter(pk=bob.pk).update(tax_exempt=True)
            billed: list[Billed] = []

            def work() -> None:
                billed.append(run(tenant, START))
                connection.close()

            thread = Thread(target=work)
            thread.start()
            thread.join(timeout=60)
            assert billed == [Billed(invoices=1)]
