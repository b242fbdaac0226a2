"""The dashboard of a tenant with two years behind it, against reading each running subscription once."""

from typing import Any

from django.db import connection

from backoffice.overview.figures import Figures, pictures
from bench.billing import analyze
from bench.measurements import Figure, seconds
from subscriptions.closing import close_due_months
from subscriptions.models import Price, Product
from tenants.models import Tenant
from tenants.numbers import next_numbers
from tenants.scope import tenant_scope
from tests import factories

#: Begun over two years; some on trial, a few paused, some gone.
_SUBSCRIPTIONS = """
    INSERT INTO subscriptions_subscription (tenant_id, number, customer_id, price_id, quantity, billed_by, state,
        gateway_id, started_at, trial_end, time_zone, next_period, billing_error, cancel_at_period_end, cancel_reason,
        cancel_comment, paused_at, cancelled_at, created_at)
    SELECT %(tenant)s, n, %(customer)s, (%(prices)s::uuid[])[1 + n %% 12], 1 + n %% 4, 'us',
        CASE WHEN n %% 6 = 0 THEN 'cancelled' WHEN n %% 30 = 1 THEN 'paused' ELSE 'active' END,
        '', started, CASE WHEN n %% 5 = 0 THEN started + interval '14 days' END, 'UTC', 1, '', false, '', '',
        CASE WHEN n %% 30 = 1 THEN started + (now() - started) * 0.9 END,
        CASE WHEN n %% 6 = 0 THEN started + (now() - started) * (n %% 97) / 97.0 END, started
    FROM generate_series(1, %(count)s) n, LATERAL (SELECT now() - interval '730 days' * ((n * 7919 %% 10007) / 10007.0)
        AS started) s
"""
#: One for each month that it ran: nearly all paid at once, some late, a few still open.
_INVOICES = """
    INSERT INTO subscriptions_invoice (tenant_id, number, customer_id, subscription_id, state, subtotal_minor,
        tax_minor, total_minor, balance_applied_minor, credited_minor, refunded_minor, currency, tax_treatment,
        customer_details, issuer, language, issued_at, due_at, period_start, gateway_id, gateway_payment_id, attempts,
        dunning_attempts, last_error_code, needs_confirmation, paid_through, is_recovered, paid_with, paid_at,
        created_at)
    SELECT s.tenant_id, row_number() OVER (ORDER BY due), s.customer_id, s.id,
        CASE WHEN open THEN 'open' ELSE 'paid' END, 1000, 0, 1000, 0, 0, 0, 'CAD', 'standard',
        '{}', '{}', 'en', due, due, due, '', '', 1, 0, '', false,
        CASE WHEN open THEN '' WHEN late THEN 'retry' ELSE 'renewal' END, late AND NOT open, '{}',
        CASE WHEN open THEN NULL WHEN late THEN due + interval '3 days' ELSE due + interval '5 minutes' END, due
    FROM subscriptions_subscription s,
        generate_series(s.started_at, COALESCE(s.cancelled_at, now()), interval '1 month') WITH ORDINALITY g (due, nth),
        LATERAL (SELECT (s.number + nth) % 50 = 0 AS late,
            due > now() - interval '20 days' AND s.number % 90 = 0 AS open) p
"""
_AUDIT = """
    INSERT INTO tenants_auditentry (tenant_id, at, actor_kind, actor_id, actor_label, action, target_type, target_id,
        target_label, before, after, reason, request_id)
    SELECT tenant_id, issued_at, 'system', '', 'billing run', 'invoice.created', 'subscriptions.invoice', id,
        'INV-' || number, '{}', '{"total_minor": 1000, "currency": "CAD"}', '', ''
    FROM subscriptions_invoice
"""


#: The least that the running month takes.
_LIMIT = (
    "SELECT price_id, count(*), sum(quantity) FROM subscriptions_subscription WHERE cancelled_at IS NULL GROUP BY 1"
)


def dashboard(count: int) -> Figure:
    """All figures of its pictures, with the months that are over closed."""
    tenant: Any = factories.TenantFactory(slug="bench-dashboard")
    make_past(tenant, count)
    close_due_months(tenant.pk)
    analyze()

    def limit() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LIMIT)
            cursor.fetchall()

    with tenant_scope(tenant.pk):
        ours, least = seconds(lambda: pictures(Figures.of(tenant)), times=10), seconds(limit, times=10)
    title = f"Dashboard of {count:,} subscriptions / reading them"
    return Figure(title, ours / least, f"{1000 * ours:.0f} ms", f"{1000 * least:.0f} ms")


def make_past(tenant: Tenant, count: int) -> None:
    """Subscriptions begun over two years, an invoice for each month that they ran, and its audit row."""
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        product = Product.objects.create(name_en="Plan")
        currencies = ["USD", "CAD", "CAD", "CAD"] * 3
        prices = [
            Price.objects.create(product=product, amount_minor=500 + 100 * n, currency=currency).pk
            for n, currency in enumerate(currencies)
        ]
        customer: Any = factories.CustomerFactory()
        cursor.execute(_SUBSCRIPTIONS, {"tenant": tenant.pk, "customer": customer.pk, "prices": prices, "count": count})
        next_numbers("subscription", count)
        cursor.execute(_INVOICES)
        next_numbers("invoice", cursor.rowcount)
        cursor.execute(_AUDIT)
    analyze()
