"""Products, prices, taxes, subscriptions, invoices, balances and closed months."""

from subscriptions.models.balance import BalanceEntry, BalanceEntryKind, CustomerBalance
from subscriptions.models.catalogue import Interval, Price, Product, TaxRate, in_reader_language
from subscriptions.models.figures import MonthlyAmounts, MonthlyFigures
from subscriptions.models.invoices import (
    UNSETTLED_CHARGE_STATES,
    Charge,
    ChargeState,
    CreditDestination,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    PaidThrough,
    Refund,
    RefundState,
    TaxTreatment,
)
from subscriptions.models.subscriptions import (
    BILLED_STATES,
    LIVE_STATES,
    BilledBy,
    CancelReason,
    Subscription,
    SubscriptionState,
)

__all__ = [
    "BILLED_STATES",
    "LIVE_STATES",
    "UNSETTLED_CHARGE_STATES",
    "BalanceEntry",
    "BalanceEntryKind",
    "BilledBy",
    "CancelReason",
    "Charge",
    "ChargeState",
    "CreditDestination",
    "CreditNote",
    "CustomerBalance",
    "Interval",
    "Invoice",
    "InvoiceLine",
    "InvoiceState",
    "InvoiceTax",
    "MonthlyAmounts",
    "MonthlyFigures",
    "PaidThrough",
    "Price",
    "Product",
    "Refund",
    "RefundState",
    "Subscription",
    "SubscriptionState",
    "TaxRate",
    "TaxTreatment",
    "in_reader_language",
]
