"""Pages that show every component with sample data, under the real layouts, CSP and addresses."""

from datetime import timedelta
from types import SimpleNamespace as Sample
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils import timezone

from billing_project.urls import urlpatterns as project_urls
from tenants.badges import STATES
from tenants.models import Membership, Role, Tenant, User
from tenants.templatetags.ui import CARD_BRANDS

COLOURS = {"northwind": "#0f766e", "lumiere": "#f5c518", "noir": "#101014", "blanc": "#ffffff"}


def tenant(slug: str) -> Tenant:
    return Tenant(
        slug=slug,
        name=f"{slug.title()} Coffee",
        primary_colour=COLOURS[slug],
        care_email=f"care@{slug}.example",
        care_phone="+14165550142",
        care_text="Monday to Friday, 9 to 5 Eastern",
    )


def card(brand: str, last4: str) -> dict[str, Any]:
    return {"brand": brand, "last4": last4, "exp_month": 4, "exp_year": 2028}


class SampleForm(forms.Form):
    email = forms.EmailField(label="E-mail")
    language = forms.ChoiceField(choices=[("en", "English"), ("fr", "French")], help_text="Messages go out in it.")
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), required=False)
    copy = forms.BooleanField(label="Send a copy to me", required=False)


def people() -> list[Sample]:
    rows = [
        ("Ada Lovelace", "active", "visa", 129900, "CAD"),
        ("Katsuko Saruhashi", "trialing", "jcb", 12800, "JPY"),
        ("Émilie du Châtelet", "past_due", "amex", 4900, "EUR"),
    ]
    since = timezone.now() - timedelta(days=400)
    return [
        Sample(
            name=name,
            email="a@example.com",
            state=state,
            profile=card(brand, "4242"),
            amount=amount,
            currency=code,
            since=since,
        )
        for name, state, brand, amount, code in rows
    ]


def sample_steps() -> list[Sample]:
    now = timezone.now()
    return [
        Sample(state="done", title="Attach the new card", text="Visa •••• 4242", at=now),
        Sample(state="running", title="Pay invoice I-3310", text="CA$49.00"),
        Sample(
            state="retrying", title="Move subscription S-2002", attempts=3, next_attempt_at=now + timedelta(seconds=40),
            error="The gateway is busy.", details=["12:01 rate limited"],
        ),
        Sample(state="failed", title="Pay invoice I-3311", attempts=5, error="The card has insufficient funds."),
        Sample(state="waiting", title="Retire the old card"),
    ]  # fmt: skip


def samples(data: dict[str, str] | None) -> dict[str, Any]:
    now = timezone.now()
    return {
        "rows": people(),
        "steps": sample_steps(),
        "timeline": [
            Sample(state="completed", title="Card saved", by="by the customer", at=now, text="Visa •••• 4242"),
            Sample(icon="user", title="Invitation sent", at=now - timedelta(hours=2), details=["250 2.0.0 OK"]),
        ],
        "states": list(STATES),
        "brands": [
            *(card(brand, "4242") for brand in [*CARD_BRANDS, "other"]),
            {"kind": "us_bank_account", "brand": "STRIPE TEST BANK", "last4": "6789"},
            {"kind": "sepa_debit", "brand": "", "last4": "3000"},
        ],
        "form": SampleForm(data),
        "chips": [
            Sample(label="All", url="?", active=True, count="1,000+"),
            Sample(label="Past due", url="?due", count=14),
        ],
        "wizard": ["Customer", "Payment method", "Message", "Send"],
        "since": now - timedelta(days=500),
        "recent": now - timedelta(minutes=50),
        "past_due": "CA$4,210.00",
        "profile": card("visa", "4242"),
        "other": card("amex", "0005"),
    }


def staff(request: HttpRequest) -> HttpResponse:
    places = [tenant(slug) for slug in COLOURS]
    user = User(email="alice@northwind.example", full_name="Alice Martin")
    request.user = user
    membership = Membership(tenant=places[0], user=user, role=Role.OWNER)
    vars(request).update(tenant=places[0], user_tenants=places, membership=membership)
    if "notes" in request.GET:
        messages.success(request, "The invitation was sent.")
        messages.error(request, "The gateway refused the key.")
    data = {"email": "not an address", "language": "en"} if "errors" in request.GET else None
    return render(request, "gallery_staff.html", samples(data) | {"attention_count": 3})


def public(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "gallery_public.html", samples(None) | {"tenant": tenant(slug)})


urlpatterns = [
    path("gallery/staff/", staff),
    path("gallery/public/<slug:slug>/", public),
    path("", include(project_urls)),
]
