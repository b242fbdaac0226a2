"""Stripe's errors turned into ours. https://docs.stripe.com/error-handling, https://docs.stripe.com/error-codes"""

import ssl
from typing import Any

import httpx
import stripe

from payments.gateway.errors import (
    BadKeys,
    Busy,
    Declined,
    GatewayError,
    Gone,
    NeedsAuthentication,
    RateLimited,
    Refused,
    Unavailable,
    UnknownOutcome,
)
from payments.gateway.stripe_adapter.facts import AUTHENTICATION_CODES

#: Failures of the connection before any byte of the request went out. Whatever else breaks, breaks too late to know.
NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    ssl.SSLCertVerificationError,
    UnicodeError,
)


def translate(error: stripe.StripeError) -> GatewayError:
    """Our error for one of Stripe's; the decisive question is whether the call may have had its effect."""
    if isinstance(error, stripe.APIConnectionError):
        return _no_answer(error)
    status, facts = error.http_status or 0, _facts(error)
    if isinstance(error, stripe.RateLimitError):
        return Busy(**facts | {"code": "busy"}) if error.code == "lock_timeout" else RateLimited(**facts)
    if status == 409:
        return Busy(**facts | {"code": "busy"})
    if isinstance(error, stripe.IdempotencyError):
        return Refused(**facts | {"code": "key_reused"})
    if isinstance(error, stripe.CardError):
        return (NeedsAuthentication if facts["code"] in AUTHENTICATION_CODES else Declined)(**facts)
    if isinstance(error, stripe.InvalidRequestError):
        return (Gone if error.code == "resource_missing" else Refused)(**facts)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return BadKeys(**facts | {"code": "bad_keys"})
    answered = error.error is not None and status >= 500
    return UnknownOutcome(**facts | {"code": "unknown_outcome"}, answered=answered)


def _no_answer(error: stripe.APIConnectionError) -> GatewayError:
    cause = error.__cause__
    words = f"{type(cause).__name__}: {cause}" if cause else str(error)
    if isinstance(cause, NOTHING_SENT):
        return Unavailable(code="unavailable", gateway_message=words)
    return UnknownOutcome(code="unknown_outcome", gateway_message=words, answered=False)


def _facts(error: stripe.StripeError) -> dict[str, Any]:
    body = error.error
    message = error.user_message if body is not None else f"An unreadable answer (HTTP {error.http_status})."
    code = getattr(body, "decline_code", None) or error.code or getattr(body, "code", None)
    if isinstance(error, stripe.RateLimitError):
        code = "rate_limited"
    return {
        "code": code or "refused",
        "gateway_message": message or "",
        "request_id": error.request_id or "",
        "retry_after": _retry_after(error),
        "param": getattr(error, "param", None) or "",
    }


def _retry_after(error: stripe.StripeError) -> float | None:
    """Seconds. A date, which HTTP allows as well, is not something that Stripe sends."""
    try:
        return max(0.0, float((error.headers or {})["retry-after"]))
    except (KeyError, TypeError, ValueError):
        return None
