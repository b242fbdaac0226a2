"""A customer's payment methods: what is there, and what can be done with each. The gateway confirms before anything
is said to be done."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.addresses import AddressValues
from customers.forms import AddressForm
from invitations.progress import progress_of
from payments.forms import MethodForm
from payments.gateway.errors import explain_to_customer
from payments.models import PaymentProfile, ProfileState
from payments.profiles import set_backup
from portal.access import CustomerRequest, customer_page
from portal.methods.queries import has_running_subscription, method_rows, own_method
from propagation.engine import carry_out_now
from propagation.errors import ChangeRefused
from propagation.impact import preview
from propagation.models import Change, ChangeKind, ChangeState, Step, StepState
from propagation.services import edit_profile, remove_profile, set_default
from subscriptions.selectors import subscriptions_paid_by
from tenants.errors import DomainError
from tenants.scope import tenant_scope

SECONDS_TO_WAIT = 6.0
SOURCE = "portal"


def allow_methods(request: CustomerRequest) -> bool:
    """Whether this customer has methods to look after; 404 where the tenant shows none."""
    if not request.tenant.portal_shows_payment:
        raise Http404
    return has_running_subscription(request.customer)


def to_methods(request: CustomerRequest) -> HttpResponse:
    return redirect("portal:methods", request.tenant.slug)


@customer_page
@require_safe
def methods(request: CustomerRequest) -> HttpResponse:
    """Every method with what it pays for; without a running subscription, why there is none."""
    if not allow_methods(request):
        had_one = request.customer.subscriptions.exists()
        return render(request, "portal/methods/none.html", {"had_one": had_one})
    return render(request, "portal/methods/list.html", {"rows": method_rows(request.customer)})


@customer_page(gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def method_edit(request: CustomerRequest, profile_id: UUID) -> HttpResponse:
    """Holder, expiry and address; a new number is a new card, entered by Update."""
    change = None
    with tenant_scope(request.tenant.pk):
        if not allow_methods(request):
            return to_methods(request)
        profile = own_method(request.customer, profile_id, ProfileState.ACTIVE)
        form, address = _edit_forms(request, profile)
        if form.is_bound and form.is_valid() and address.is_valid():
            change = _record_edit(request, profile, form, address)
    if change is not None and _carried_out(request, change, _("%(method)s is up to date.") % {"method": profile}):
        return _after(request, change)
    with tenant_scope(request.tenant.pk):
        context = {"profile": profile, "form": form, "address": address, "refusal": _refusal(change)}
        return render(request, "portal/methods/edit.html", context, status=422 if form.is_bound else 200)


def _edit_forms(request: CustomerRequest, profile: PaymentProfile) -> tuple[MethodForm, AddressForm]:
    country = str(request.tenant.country)
    if request.POST.get("change_country"):
        form = MethodForm(profile=profile)
        form.initial = {name: request.POST.get(name, "") for name in form.fields}
        return form, AddressForm.retyped(request.POST, prefix="card", default_country=country, optional=True)
    data = request.POST if request.method == "POST" else None
    stored = AddressValues.of(profile.billing_address)
    address = AddressForm(data, initial=stored, prefix="card", default_country=country, optional=True)
    return MethodForm(data, profile=profile), address


def _record_edit(
    request: CustomerRequest, profile: PaymentProfile, form: MethodForm, address: AddressForm
) -> Change | None:
    try:
        return edit_profile(
            actor=request.actor,
            profile=profile,
            holder_name=form.cleaned_data["holder_name"],
            exp_month=form.cleaned_data.get("exp_month"),
            exp_year=form.cleaned_data.get("exp_year"),
            address=(address.values() or AddressValues()).as_dict(),
            source=SOURCE,
        )
    except ChangeRefused as error:
        form.add_error(None, str(error))
        return None


@customer_page(gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def method_default(request: CustomerRequest, profile_id: UUID) -> HttpResponse:
    """What would move, then the move."""
    refusal, change = "", None
    with tenant_scope(request.tenant.pk):
        if not allow_methods(request):
            return to_methods(request)
        profile = own_method(request.customer, profile_id, ProfileState.ACTIVE)
        if request.method == "POST":
            try:
                change = set_default(actor=request.actor, profile=profile, source=SOURCE)
            except ChangeRefused as error:
                refusal = str(error)
    if change is not None:
        carry_out_now(request.tenant.pk, change.pk, SECONDS_TO_WAIT)
        return redirect("portal:method_change", request.tenant.slug, change.pk)
    with tenant_scope(request.tenant.pk):
        impact = preview(customer=request.customer, kind=ChangeKind.SET_DEFAULT)
        context = {"profile": profile, "impact": impact, "refusal": refusal}
        return render(request, "portal/methods/default.html", context, status=409 if refusal else 200)


@customer_page
@require_POST
def method_backup(request: CustomerRequest, profile_id: UUID) -> HttpResponse:
    """The backup is charged when neither the pinned method nor the default can be; nothing changes at the gateway."""
    if not allow_methods(request):
        return to_methods(request)
    profile = own_method(request.customer, profile_id, ProfileState.ACTIVE)
    is_backup = request.POST.get("is_backup") == "yes"
    try:
        set_backup(actor=request.actor, profile=profile, is_backup=is_backup)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        words = _("%(method)s is your backup now.") if is_backup else _("%(method)s is no longer your backup.")
        messages.success(request, words % {"method": profile})
    return to_methods(request)


@customer_page(gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def method_remove(request: CustomerRequest, profile_id: UUID) -> HttpResponse:
    """Refused while the method pays for something, naming it."""
    refusal, change = "", None
    with tenant_scope(request.tenant.pk):
        if not allow_methods(request):
            return to_methods(request)
        profile = own_method(request.customer, profile_id)
        if request.method == "POST":
            try:
                change = remove_profile(actor=request.actor, profile=profile, source=SOURCE)
            except ChangeRefused as error:
                refusal = str(error)
    if change is not None:
        _carried_out(request, change, _("%(method)s was removed.") % {"method": profile})
        return _after(request, change)
    with tenant_scope(request.tenant.pk):
        kept_by = subscriptions_paid_by(request.customer, profile)
        context = {"profile": profile, "kept_by": kept_by, "refusal": refusal}
        return render(request, "portal/methods/remove.html", context, status=409 if refusal else 200)


def _carried_out(request: CustomerRequest, change: Change, done: str) -> bool:
    """Carry the change to the gateway now. False when it refused."""
    carry_out_now(request.tenant.pk, change.pk, SECONDS_TO_WAIT)
    with tenant_scope(request.tenant.pk):
        change.refresh_from_db(fields=["state"])
    if change.state == ChangeState.DONE:
        messages.success(request, done)
    return change.state != ChangeState.NEEDS_ATTENTION


def _after(request: CustomerRequest, change: Change) -> HttpResponse:
    if change.state == ChangeState.DONE:
        return to_methods(request)
    return redirect("portal:method_change", request.tenant.slug, change.pk)


def _refusal(change: Change | None) -> str:
    """What the gateway said to the step that failed, in the reader's words."""
    step = Step.objects.filter(change=change, state=StepState.FAILED).first() if change else None
    return str(explain_to_customer(step.error_code)) if step else ""


@customer_page
@require_safe
def method_change(request: CustomerRequest, change_id: UUID) -> HttpResponse:
    """What moves, live."""
    return render(request, "portal/methods/change.html", _change_context(request, change_id))


@customer_page
@require_safe
def method_progress(request: CustomerRequest, change_id: UUID) -> HttpResponse:
    """The part of the page that is fetched again until everything has moved."""
    return render(request, "portal/methods/change.html#progress", _change_context(request, change_id))


def _change_context(request: CustomerRequest, change_id: UUID) -> dict[str, object]:
    changes = Change.objects.select_related("new_profile", "old_profile")
    change = get_object_or_404(changes, pk=change_id, customer=request.customer)
    moves = change.kind in (ChangeKind.REPLACE, ChangeKind.ADD, ChangeKind.SET_DEFAULT)
    return {"tenant": request.tenant, "change": change, "moves": moves, "progress": progress_of(change, request.tenant)}
