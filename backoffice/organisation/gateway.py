"""The tenant's account at the payment gateway: its state, the last events, and its keys."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from backoffice.filters import chips
from backoffice.organisation.forms import GatewayKeysForm
from backoffice.paging import ID, keyset_page
from payments.errors import GatewayAccountError
from payments.events import retry_event
from payments.gateway.accounts import connect_account
from payments.models import EventState, GatewayAccount, GatewayEvent
from propagation.services import retry_after_new_keys
from tenants.access import Right, StaffRequest, needs
from tenants.scope import tenant_scope

EVENT_CHIPS = {"": gettext_lazy("All events"), **{state.value: state.label for state in EventState}}


@needs(Right.VIEW)
def gateway(request: StaffRequest) -> HttpResponse:
    events = GatewayEvent.objects.defer("payload")
    if (state := request.GET.get("state", "")) in EventState.values:
        events = events.filter(state=state)
    account = GatewayAccount.objects.first()
    context = {
        "account": account,
        "livemode": account is not None and account.publishable_key.startswith("pk_live_"),
        "chips": chips(request.GET, "state", EVENT_CHIPS),
        "page": keyset_page(events, request.GET, key=ID, size=25),
    }
    return render(request, "backoffice/organisation/gateway.html", context)


@needs(Right.MANAGE)
@require_POST
def event_retry(request: StaffRequest, event_id: UUID) -> HttpResponse:
    if retry_event(actor=request.actor, event=get_object_or_404(GatewayEvent, pk=event_id)):
        messages.success(request, _("The event is being processed again."))
    else:
        messages.error(request, _("This event was not given up, or no longer is."))
    return redirect("backoffice:gateway", tenant_slug=request.tenant.slug)


def _try_to_connect(request: StaffRequest, form: GatewayKeysForm) -> bool:
    try:
        connect_account(
            tenant_id=request.tenant.pk,
            actor=request.actor,
            publishable_key=form.cleaned_data["publishable_key"],
            secret_key=form.cleaned_data["secret_key"],
        )
    except GatewayAccountError as error:
        for name, message in (error.fields or {"": error.message}).items():
            form.add_error(name or None, str(message))
        return False
    return True


@needs(Right.OWN, gateway=True)
def gateway_connect(request: StaffRequest) -> HttpResponse:
    """Takes new keys, and keeps them only when the gateway has accepted them."""
    form = GatewayKeysForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _try_to_connect(request, form):
        messages.success(request, _("The gateway has accepted the keys; its events reach us."))
        with tenant_scope(request.tenant.pk):
            retried = retry_after_new_keys(actor=request.actor)
        if retried:
            told = ngettext(
                "%(count)s step that had failed for want of keys is being carried out again.",
                "%(count)s steps that had failed for want of keys are being carried out again.",
                retried,
            )
            messages.info(request, told % {"count": retried})
        return redirect("backoffice:gateway", tenant_slug=request.tenant.slug)
    with tenant_scope(request.tenant.pk):
        account = GatewayAccount.objects.first()
        context = {"form": form, "account": account}
        return render(
            request, "backoffice/organisation/gateway_connect.html", context, status=422 if form.errors else 200
        )
