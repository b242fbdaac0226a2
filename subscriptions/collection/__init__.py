"""Collecting what invoices say is due: the schedule's charges, requested ones, and what the gateway tells of them."""

from subscriptions.collection.engine import collect_due, collect_now, payer_of_invoice
from subscriptions.collection.requests import request_collection
from subscriptions.collection.settling import Confirmation, confirmation_of, settle_payment

__all__ = [
    "Confirmation",
    "collect_due",
    "collect_now",
    "confirmation_of",
    "payer_of_invoice",
    "request_collection",
    "settle_payment",
]
