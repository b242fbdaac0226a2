"""Stripe's error bodies. Shape: https://docs.stripe.com/api/errors; codes: https://docs.stripe.com/error-codes."""

from typing import Any


class StripeError(Exception):
    """An error answer: HTTP status, the body's ``error`` object, extra headers, and whether a key remembers it."""

    def __init__(
        self, status: int, error: dict[str, Any], *, headers: dict[str, str] | None = None, stored: bool = True
    ):
        super().__init__(error.get("message"))
        self.status = status
        self.error = {name: value for name, value in error.items() if value is not None}
        self.headers = headers or {}
        self.stored = stored
        if "code" in self.error:
            self.error.setdefault("doc_url", "https://stripe.com/docs/error-codes/" + doc_slug(self.error["code"]))


def doc_slug(code: str) -> str:
    return code.replace("_", "-")


def invalid_request(
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    status: int = 400,
    stored: bool = True,
    **more: Any,
) -> StripeError:
    error = {"code": code, "message": message, "param": param, "type": "invalid_request_error", **more}
    return StripeError(status, error, stored=stored)


def missing_object(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> StripeError:
    return invalid_request(f"No such {kind}: '{object_id}'", code="resource_missing", param=param, status=status)


def unset_refused(name: str) -> StripeError:
    return invalid_request(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def unknown_url(method: str, path: str) -> StripeError:
    return invalid_request(
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the trailing slash. "
        "If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. "
        "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
        stored=False,
    )


def no_key() -> StripeError:
    return invalid_request(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using "
        "Bearer auth "
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for "
        "details, or "
        "we can help at https://support.stripe.com/.",
        status=401,
        stored=False,
    )


def bad_key(key: str) -> StripeError:
    prefix = "_".join(key.split("_")[:2]) + "_" if key.count("_") >= 2 else ""
    hidden = prefix + "*" * max(4, len(key) - len(prefix) - 4) + key[-4:]
    return invalid_request(f"Invalid API Key provided: {hidden}", status=401, stored=False)


def publishable_refused() -> StripeError:
    return invalid_request(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of "
        "your API keys at https://dashboard.stripe.com/account/apikeys.",
        code="secret_key_required",
        status=403,
        stored=False,
    )


def rate_limited(
    *, retry_after: float | None = 1, reason: str = "global-rate", should_retry: str | None = None
) -> StripeError:
    headers = {"Stripe-Rate-Limited-Reason": reason}
    if retry_after is not None:
        headers["Retry-After"] = f"{retry_after:g}"
    if should_retry is not None:
        headers["Stripe-Should-Retry"] = should_retry
    message = (
        "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode. You can learn more "
        "about rate limits here https://stripe.com/docs/rate-limits."
    )
    error = {"code": "rate_limit", "message": message, "type": "invalid_request_error"}
    return StripeError(429, error, headers=headers, stored=False)


def server_error(*, stored: bool = True, should_retry: str | None = None) -> StripeError:
    message = (
        "Sorry! There was an error while talking to one of our backends. Support has been notified. "
        "If this problem persists, please contact us at https://support.stripe.com/."
    )
    headers = {"Stripe-Should-Retry": should_retry} if should_retry is not None else {}
    return StripeError(500, {"message": message, "type": "api_error"}, headers=headers, stored=stored)


def lock_conflict(*, should_retry: str | None = "true") -> StripeError:
    message = (
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. "
        "If you see this error intermittently, retry the request. If you see this error frequently and are "
        "making multiple "
        "concurrent requests to a single object, make your requests serially or at a lower rate. For more details, see "
        "https://stripe.com/docs/rate-limits#object-lock-timeouts."
    )
    headers = {"Stripe-Should-Retry": should_retry} if should_retry is not None else {}
    error = {"code": "lock_timeout", "message": message, "type": "invalid_request_error"}
    return StripeError(409, error, headers=headers, stored=False)


def key_reused(key: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return StripeError(400, {"message": message, "type": "idempotency_error"}, stored=False)


def key_in_use(key: str) -> StripeError:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        "submitted twice, "
        f"and the other request is still going through): {key}. Please try again in a little bit."
    )
    error = {"code": "idempotency_key_in_use", "message": message, "type": "idempotency_error"}
    return StripeError(409, error, headers={"Stripe-Should-Retry": "true"}, stored=False)
