"""Where the gateway sends its events."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments.events import store_event
from payments.gateway.stripe_adapter import BadSignature, read_signed_event
from payments.models import GatewayAccount
from payments.tasks import process_due_events
from tenants.middleware import find_tenant
from tenants.scope import tenant_scope
from tenants.wake import wake

log = structlog.get_logger(__name__)

#: Bytes; the gateway's own events stay far below.
MAX_BODY = 1_000_000


@csrf_exempt
@require_POST
def receive_stripe_event(request: HttpRequest, slug: str) -> HttpResponse:
    """Verify, store once, answer. What the event means is found out by a worker.

    https://docs.stripe.com/webhooks#best-practices
    """
    if len(request.body) > MAX_BODY:
        return HttpResponse(status=413)
    tenant = find_tenant(slug)
    with tenant_scope(tenant.pk):
        account = GatewayAccount.objects.first()
    try:
        secret = account.webhook_secret if account else ""
        signed = read_signed_event(request.body, request.headers.get("Stripe-Signature", ""), secret)
    except BadSignature as error:
        log.warning("webhook_refused", tenant=slug, why=str(error))
        return HttpResponse(status=400)
    with tenant_scope(tenant.pk):
        if store_event(signed):
            wake(process_due_events, tenant.pk)
    return HttpResponse(status=200)
