"""What the SMS provider calls."""

import hmac
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from messaging.delivery import BOUNCED, DELIVERED, record_delivery
from messaging.models import Channel, Message
from messaging.sms import callback_url, signature_of
from tenants.middleware import find_tenant
from tenants.scope import tenant_scope

#: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
KINDS = {"delivered": DELIVERED, "undelivered": BOUNCED, "failed": BOUNCED}


@csrf_exempt
@require_POST
def sms_status(request: HttpRequest, slug: str, message_id: UUID) -> HttpResponse:
    """A message's new status, signed by the provider; 403 when it is not, or none is set up."""
    if not settings.SMS_AUTH_TOKEN:
        return HttpResponse(status=403)
    tenant = find_tenant(slug)
    with tenant_scope(tenant.pk):
        message = Message.objects.filter(pk=message_id, channel=Channel.SMS).first()
        if message is None:
            raise Http404
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
        expected = signature_of(callback_url(slug, message), fields)
        if not hmac.compare_digest(expected.encode(), request.headers.get("X-Twilio-Signature", "").encode()):
            return HttpResponse(status=403)
        status = request.POST.get("MessageStatus", "")
        if status:
            code = request.POST.get("ErrorCode", "")
            record_delivery(message, kind=KINDS.get(status, status), event_id=status, detail=code and f"Error {code}")
    return HttpResponse(status=204)
