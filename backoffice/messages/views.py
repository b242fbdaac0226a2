"""The mails to customers: which there are, and the tenant's own words for each, in each language."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages as notes
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST

from backoffice.invitations.send import MAIL_CSP
from backoffice.messages.forms import WordsForm
from customers.models import Notification
from messaging.kinds import KINDS, Kind
from messaging.models import MessageTemplate
from messaging.own_words import (
    BrokenWords,
    example_values,
    problems_of,
    render_sample,
    reset_own_words,
    save_own_words,
    send_test,
    starting_words,
)
from messaging.rendering import tenants_words
from tenants.access import Right, StaffRequest, needs

GROUPS = {
    "billing": gettext_lazy("Invoices and payments"),
    "subscriptions": gettext_lazy("Subscriptions"),
    "methods": gettext_lazy("Payment methods"),
    "account": gettext_lazy("Customer’s account"),
}


@dataclass(frozen=True)
class Listed:
    """A kind of mail; `versions` are (language code, language, whether it is the tenant's own words)."""

    kind: Kind
    switched_off_by: str
    versions: list[tuple[str, str, bool]]


@needs(Right.MANAGE)
def messages(request: StaffRequest) -> HttpResponse:
    """Every kind of mail to customers, and whose words it has in each language."""
    own = set(MessageTemplate.objects.values_list("name", "language"))
    listed = [
        Listed(
            kind,
            str(Notification(kind.muted_by).label) if kind.muted_by else "",
            [(code, str(name), (kind.name, code) in own) for code, name in settings.LANGUAGES],
        )
        for kind in KINDS.values()
    ]
    groups = [(title, [item for item in listed if item.kind.group == name]) for name, title in GROUPS.items()]
    return render(request, "backoffice/messages/list.html", {"groups": groups})


@needs(Right.MANAGE)
def message(request: StaffRequest, mail: str, language: str) -> HttpResponse:
    """The editor: saves, or sends the draft to whoever writes it."""
    kind = _kind(mail, language)
    own = tenants_words(kind.name, language)
    if request.method != "POST":
        words = own or starting_words(kind, language)
        return _editor(request, kind, language, WordsForm(initial={"subject": words.subject, "body": words.body}))
    form = WordsForm(request.POST)
    try:
        if "test" in request.POST:
            send_test(actor=request.actor, kind=kind, language=language, words=form.words, to=request.user.email)
            notes.success(request, _("A test is on its way to %(email)s.") % {"email": request.user.email})
            return _editor(request, kind, language, form)
        save_own_words(actor=request.actor, kind=kind, language=language, words=form.words)
    except BrokenWords as error:
        form.refuse(error)
        return _editor(request, kind, language, form)
    notes.success(request, _("Saved. Customers get these words from now on."))
    return redirect(_address("message", request, kind, language))


def _editor(request: StaffRequest, kind: Kind, language: str, form: WordsForm) -> HttpResponse:
    languages = dict(settings.LANGUAGES)
    context = {
        "kind": kind,
        "language": language,
        "language_name": languages[language],
        "versions": [(code, name, _address("message", request, kind, code)) for code, name in languages.items()],
        "form": form,
        "is_own": tenants_words(kind.name, language) is not None,
        "fields": _fields(kind, language),
        "switched_off_by": Notification(kind.muted_by).label if kind.muted_by else "",
        **_checked(kind, language, form),
    }
    if not form.is_bound:
        context["shown_subject"] = render_sample(kind, language).subject
    return render(request, "backoffice/messages/edit.html", context, status=422 if form.errors else 200)


def _fields(kind: Kind, language: str) -> list[dict[str, str]]:
    """What may be written into the text: how it is written, what it means, an example."""
    examples = example_values(kind, language)
    found = [
        {"code": f"{{{{ {field.name} }}}}", "about": str(field.about), "example": examples[field.name]}
        for field in kind.all_fields
    ]
    return [
        *found,
        *({"code": f"{{{{ {name} }}}}", "about": str(about), "example": ""} for name, about in kind.blocks.items()),
    ]


def _checked(kind: Kind, language: str, form: WordsForm) -> dict[str, Any]:
    """What is wrong with the draft, or else the subject that it will have."""
    problems = problems_of(kind, form.words)
    return {
        "problems": problems,
        "shown_subject": "" if problems else render_sample(kind, language, form.words).subject,
    }


@needs(Right.MANAGE)
@require_POST
def message_check(request: StaffRequest, mail: str, language: str) -> HttpResponse:
    """The draft's subject or its problems, while it is being written."""
    kind = _kind(mail, language)
    context = {"language": language, **_checked(kind, language, WordsForm(request.POST))}
    return render(request, "backoffice/messages/edit.html#check", context)


@needs(Right.MANAGE)
@xframe_options_sameorigin
@csp_override(MAIL_CSP)
def message_preview(request: StaffRequest, mail: str, language: str) -> HttpResponse:
    """The mail itself, for the frame: the draft that is posted, else what customers get now."""
    kind = _kind(mail, language)
    words = WordsForm(request.POST).words if request.method == "POST" else None
    try:
        return HttpResponse(render_sample(kind, language, words).html)
    except BrokenWords as error:
        with override(request.LANGUAGE_CODE):
            return render(request, "backoffice/messages/broken.html", {"problems": error.problems}, status=422)


@needs(Right.MANAGE)
@require_POST
def message_reset(request: StaffRequest, mail: str, language: str) -> HttpResponse:
    """Back to our words."""
    kind = _kind(mail, language)
    if reset_own_words(actor=request.actor, kind=kind, language=language):
        notes.success(request, _("Customers get our words again."))
    return redirect(_address("message", request, kind, language))


def _kind(mail: str, language: str) -> Kind:
    kind = KINDS.get(mail)
    if kind is None or language not in dict(settings.LANGUAGES):
        raise Http404(_("There is no such page."))
    return kind


def _address(name: str, request: StaffRequest, kind: Kind, language: str) -> str:
    kwargs = {"tenant_slug": request.tenant.slug, "mail": kind.name, "language": language}
    return reverse(f"backoffice:{name}", kwargs=kwargs)
