"""What staff do about a customer's way into the portal: sign them out, or send them a link."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from customers.errors import SignInError
from customers.models import Customer
from customers.sign_in.codes import send_link
from customers.sign_in.sessions import end_all
from tenants.access import Right, StaffRequest, needs


@needs(Right.WORK)
@require_POST
def customer_sign_out(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """End every session that the customer has in the portal."""
    shown = get_object_or_404(Customer, pk=customer_id)
    ended = end_all(actor=request.actor, customer=shown)
    if ended:
        text = ngettext("Signed out of %(count)s browser.", "Signed out of %(count)s browsers.", ended)
        messages.success(request, text % {"count": ended})
    else:
        messages.info(request, _("%(name)s was not signed in anywhere.") % {"name": shown.name})
    return _back(request, shown)


@needs(Right.WORK)
@require_POST
def customer_send_link(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """Send the customer a link into the portal, as if they had asked for it there."""
    shown = get_object_or_404(Customer, pk=customer_id)
    try:
        send_link(actor=request.actor, tenant=request.tenant, customer=shown)
    except SignInError as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _("A sign-in link is on its way to %(email)s.") % {"email": shown.email})
    return _back(request, shown)


def _back(request: StaffRequest, shown: Customer) -> HttpResponse:
    return redirect("backoffice:customer", tenant_slug=request.tenant.slug, customer_id=shown.pk)
