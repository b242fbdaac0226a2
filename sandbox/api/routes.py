"""Which requests there are, the contract of each (a class of ``stripe.params``) and what answers it."""

from collections.abc import Callable
from dataclasses import dataclass

from ..store import Json
from . import (
    account,
    catalog,
    charges,
    customers,
    invoice_payments,
    invoices,
    mandates,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    subscriptions,
)
from .call import Call

Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    method: str
    path: tuple[str, ...]
    contract: str
    handler: Handler
    publishable: bool = False


TABLE: list[tuple[str, str, Handler]] = [
    ("GET /v1/account", "AccountRetrieveCurrentParams", account.retrieve),
    ("POST /v1/customers", "CustomerCreateParams", customers.create),
    ("GET /v1/customers", "CustomerListParams", customers.listing),
    ("GET /v1/customers/*", "CustomerRetrieveParams", customers.retrieve),
    ("POST /v1/customers/*", "CustomerUpdateParams", customers.update),
    ("DELETE /v1/customers/*", "CustomerDeleteParams", customers.delete),
    ("GET /v1/customers/*/payment_methods", "CustomerPaymentMethodListParams", payment_methods.listing_of_customer),
    (
        "GET /v1/customers/*/payment_methods/*",
        "CustomerPaymentMethodRetrieveParams",
        payment_methods.retrieve_of_customer,
    ),
    ("POST /v1/payment_methods", "PaymentMethodCreateParams", payment_methods.create),
    ("GET /v1/payment_methods", "PaymentMethodListParams", payment_methods.listing),
    ("GET /v1/payment_methods/*", "PaymentMethodRetrieveParams", payment_methods.retrieve),
    ("POST /v1/payment_methods/*", "PaymentMethodUpdateParams", payment_methods.update),
    ("POST /v1/payment_methods/*/attach", "PaymentMethodAttachParams", payment_methods.attach),
    ("POST /v1/payment_methods/*/detach", "PaymentMethodDetachParams", payment_methods.detach),
    ("POST /v1/setup_intents", "SetupIntentCreateParams", setup_intents.create),
    ("GET /v1/setup_intents", "SetupIntentListParams", setup_intents.listing),
    ("GET /v1/setup_intents/*", "SetupIntentRetrieveParams", setup_intents.retrieve),
    ("POST /v1/setup_intents/*", "SetupIntentUpdateParams", setup_intents.update),
    ("POST /v1/setup_intents/*/confirm", "SetupIntentConfirmParams", setup_intents.confirm),
    ("POST /v1/setup_intents/*/cancel", "SetupIntentCancelParams", setup_intents.cancel),
    (
        "POST /v1/setup_intents/*/verify_microdeposits",
        "SetupIntentVerifyMicrodepositsParams",
        setup_intents.verify_microdeposits,
    ),
    ("GET /v1/mandates/*", "MandateRetrieveParams", mandates.retrieve),
    ("POST /v1/payment_intents", "PaymentIntentCreateParams", payment_intents.create),
    ("GET /v1/payment_intents", "PaymentIntentListParams", payment_intents.listing),
    ("GET /v1/payment_intents/*", "PaymentIntentRetrieveParams", payment_intents.retrieve),
    ("POST /v1/payment_intents/*/confirm", "PaymentIntentConfirmParams", payment_intents.confirm),
    ("POST /v1/payment_intents/*/cancel", "PaymentIntentCancelParams", payment_intents.cancel),
    ("POST /v1/invoices", "InvoiceCreateParams", invoices.create),
    ("GET /v1/invoices", "InvoiceListParams", invoices.listing),
    ("GET /v1/invoices/*", "InvoiceRetrieveParams", invoices.retrieve),
    ("POST /v1/invoices/*", "InvoiceUpdateParams", invoices.update),
    ("DELETE /v1/invoices/*", "InvoiceDeleteParams", invoices.delete),
    ("POST /v1/invoices/*/finalize", "InvoiceFinalizeInvoiceParams", invoices.finalize),
    ("POST /v1/invoices/*/pay", "InvoicePayParams", invoices.pay),
    ("POST /v1/invoices/*/void", "InvoiceVoidInvoiceParams", invoices.void),
    ("POST /v1/invoices/*/mark_uncollectible", "InvoiceMarkUncollectibleParams", invoices.mark_uncollectible),
    ("GET /v1/invoice_payments", "InvoicePaymentListParams", invoice_payments.list_payments),
    ("POST /v1/invoiceitems", "InvoiceItemCreateParams", invoices.create_item),
    ("GET /v1/invoiceitems", "InvoiceItemListParams", invoices.list_items),
    ("GET /v1/invoiceitems/*", "InvoiceItemRetrieveParams", invoices.retrieve_item),
    ("POST /v1/subscriptions", "SubscriptionCreateParams", subscriptions.create),
    ("GET /v1/subscriptions", "SubscriptionListParams", subscriptions.listing),
    ("GET /v1/subscriptions/*", "SubscriptionRetrieveParams", subscriptions.retrieve),
    ("POST /v1/subscriptions/*", "SubscriptionUpdateParams", subscriptions.update),
    ("DELETE /v1/subscriptions/*", "SubscriptionCancelParams", subscriptions.cancel),
    ("POST /v1/products", "ProductCreateParams", catalog.create_product),
    ("GET /v1/products", "ProductListParams", catalog.list_products),
    ("GET /v1/products/*", "ProductRetrieveParams", catalog.retrieve_product),
    ("POST /v1/products/*", "ProductUpdateParams", catalog.update_product),
    ("POST /v1/prices", "PriceCreateParams", catalog.create_price),
    ("GET /v1/prices", "PriceListParams", catalog.list_prices),
    ("GET /v1/prices/*", "PriceRetrieveParams", catalog.retrieve_price),
    ("POST /v1/prices/*", "PriceUpdateParams", catalog.update_price),
    ("GET /v1/charges", "ChargeListParams", charges.listing),
    ("GET /v1/charges/*", "ChargeRetrieveParams", charges.retrieve),
    ("POST /v1/refunds", "RefundCreateParams", refunds.create),
    ("GET /v1/refunds", "RefundListParams", refunds.listing),
    ("GET /v1/refunds/*", "RefundRetrieveParams", refunds.retrieve),
    ("GET /v1/events", "EventListParams", account.list_events),
    ("GET /v1/events/*", "EventRetrieveParams", account.retrieve_event),
    ("POST /v1/webhook_endpoints", "WebhookEndpointCreateParams", account.create_endpoint),
    ("GET /v1/webhook_endpoints", "WebhookEndpointListParams", account.list_endpoints),
    ("GET /v1/webhook_endpoints/*", "WebhookEndpointRetrieveParams", account.retrieve_endpoint),
    ("POST /v1/webhook_endpoints/*", "WebhookEndpointUpdateParams", account.update_endpoint),
    ("DELETE /v1/webhook_endpoints/*", "WebhookEndpointDeleteParams", account.delete_endpoint),
]
# What a browser may ask with a publishable key, always together with an intent's own secret.
FOR_BROWSERS = {
    "GET /v1/setup_intents/*",
    "POST /v1/setup_intents/*/confirm",
    "POST /v1/setup_intents/*/verify_microdeposits",
    "GET /v1/payment_intents/*",
    "POST /v1/payment_intents/*/confirm",
    "POST /v1/payment_methods",
}


def read_table() -> dict[tuple[str, int], list[Route]]:
    routes: dict[tuple[str, int], list[Route]] = {}
    for line, contract, handler in TABLE:
        method, path = line.split(" ")
        parts = tuple(path.strip("/").split("/"))
        route = Route(method, parts, contract, handler, line in FOR_BROWSERS)
        routes.setdefault((method, len(parts)), []).append(route)
    return routes


ROUTES = read_table()


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a request and the ids in its address."""
    parts = tuple(path.strip("/").split("/"))
    for route in ROUTES.get((method, len(parts)), ()):
        if all(mine in ("*", theirs) for mine, theirs in zip(route.path, parts, strict=True)):
            ids = tuple(theirs for mine, theirs in zip(route.path, parts, strict=True) if mine == "*")
            return (route, ids) if all(ids) else None
    return None
