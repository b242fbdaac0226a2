"""The tags that every page is made of; built into every template. templates/ui/README.md shows each in use."""

import datetime as dt
import re
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_percent
from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

from tenants.badges import look_of
from tenants.colour import palette
from tenants.models import Tenant
from tenants.money import format_money

register = template.Library()
_DOORS = re.compile(r"/(?:portal|i)/([-a-zA-Z0-9_]+)/")

CARD_BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
BANK_MARKS = {"sepa_debit": "sepa", "us_bank_account": "bank"}
ALERT_ICONS = {"success": "circle-check", "info": "info-circle", "warning": "alert-triangle", "danger": "alert-circle"}
RELATIVE_FOR = dt.timedelta(days=7)
JUST_NOW = dt.timedelta(minutes=1)


def _locale() -> str:
    return to_locale(get_language() or "en")


@register.simple_tag
def icon(name: str, classes: str = "", *, label: str = "") -> SafeString:
    """One drawing of static/ui/icons.svg. Without a label it is decoration, and screen readers pass it by."""
    href = f"{static('ui/icons.svg')}#{name}"
    hidden = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon {}" {}><use href="{}"></use></svg>', classes, hidden, href)


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """A state's word, tone and icon; see tenants/badges.py."""
    look = look_of(str(state or ""))
    return format_html(
        '<span class="state state-{}" data-state="{}">{}{}</span>', look.tone, state, icon(look.icon), look.label
    )


@register.filter
def state_word(state: str) -> str:
    """Only the state's word, for sentences."""
    return str(look_of(str(state or "")).label)


@register.filter
def address_breaks(email: str) -> SafeString:
    """An e-mail address that breaks, where it must, before its @ and its dots only."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in re.split(r"(?=[@.])", str(email))))


@register.simple_tag
def state_icon(state: str) -> SafeString:
    """Only the state's icon, in its tone, with its word for screen readers."""
    look = look_of(str(state or ""))
    return format_html('<span class="state-icon state-{}">{}</span>', look.tone, icon(look.icon, label=str(look.label)))


@register.simple_tag
def money(amount_minor: int | None, currency: str) -> SafeString:
    """An amount in the active language; an absent amount is a dash."""
    if amount_minor is None:
        return mark_safe('<span class="text-secondary">–</span>')
    return format_html('<span class="money">{}</span>', format_money(amount_minor, currency, _locale()))


@register.filter
def money_text(amount_minor: int, currency: str) -> str:
    """The same as plain text, for sentences: {{ invoice.amount_minor|money_text:invoice.currency }}."""
    return format_money(amount_minor, currency, _locale())


def _to_the_minute(moment: dt.datetime) -> str:
    day, time = format_date(moment, "medium", locale=_locale()), format_time(moment, "short", locale=_locale())
    return f"{day}, {time}"


@register.simple_tag
def when(moment: dt.datetime | dt.date | None, style: str = "relative") -> SafeString:
    """A time in the active zone. Styles: relative (up to a week away, then a date), datetime, date."""
    if moment is None:
        return mark_safe('<span class="text-secondary">–</span>')
    if not isinstance(moment, dt.datetime):
        shown = format_date(moment, "medium", locale=_locale())
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), shown)
    local = timezone.localtime(moment)
    away = moment - timezone.now()
    full = format_datetime(local, "long", locale=_locale())
    relative = format_timedelta(away, add_direction=True, locale=_locale())
    if style == "datetime":
        shown, title = _to_the_minute(local), f"{full} ({relative})"
    elif style == "date" or abs(away) > RELATIVE_FOR:
        shown, title = format_date(local, "medium", locale=_locale()), f"{full} ({relative})"
    else:
        shown, title = (_("just now") if dt.timedelta() <= -away < JUST_NOW else relative), full
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), title, shown)


@register.filter
def percent(value: Decimal) -> str:
    """A rate in per cent with the decimals that it has: 9.9750 is "9.975%", in French "9,975 %"."""
    return format_percent(value.scaleb(-2).normalize(), locale=_locale(), decimal_quantization=False)


@register.simple_tag
def phone(number: Any) -> SafeString:
    """A number as a link to call it, in international form; what cannot be parsed is shown as it is."""
    if not number:
        return mark_safe('<span class="text-secondary">–</span>')
    try:
        parsed = parse(str(number), None)
    except NumberParseException:
        return format_html("{}", number)
    shown = format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    return format_html('<a class="num" href="{}">{}</a>', format_number(parsed, PhoneNumberFormat.RFC3966), shown)


@register.simple_tag
def card_mark(profile: Any, *, expiry: bool = True) -> SafeString:
    """Brand or bank, last four digits and expiry of anything with `kind`, `brand`, `last4`, `exp_month`, `exp_year`."""
    get = profile.get if isinstance(profile, Mapping) else lambda name, default=None: getattr(profile, name, default)
    brand = str(get("brand") or "").lower().replace("american_express", "amex").replace("diners_club", "diners")
    kind = str(get("kind") or "card")
    image = BANK_MARKS.get(kind) or (brand if brand in CARD_BRANDS else "generic")
    month, year = get("exp_month"), get("exp_year")
    context = {
        "image": f"ui/cards/{image}.svg",
        "name": _mark_name(kind, brand),
        "last4": get("last4") or "????",
        "expiry": f"{month:02d}/{year % 100:02d}" if expiry and month and year else "",
    }
    return render_to_string("ui/card_mark.html", context)


def _mark_name(kind: str, brand: str) -> str:
    if kind == "sepa_debit":
        return _("SEPA debit")
    if kind == "us_bank_account":
        return brand.title() or _("Bank account")
    return CARD_BRANDS.get(brand) or _("Card")


@register.filter
def initials(name: str) -> str:
    """At most two letters: "Ada Lovelace" -> "AL"; an address uses what stands before the @."""
    words = re.findall(r"\w+", str(name or "").split("@")[0])
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[:2] for word in words]
    return "".join(letters).upper() or "?"


@register.simple_tag
def avatar(name: str, classes: str = "") -> SafeString:
    """Initials on one of eight quiet tints; the same name always gets the same one."""
    hue = zlib.crc32(str(name).lower().encode()) % 8
    return format_html('<span class="initials hue-{} {}" aria-hidden="true">{}</span>', hue, classes, initials(name))


@register.simple_tag
def customer_avatar(customer: Any, classes: str = "") -> SafeString:
    """The customer's picture, else the initials. Decoration: the name stands beside it, or names what it opens."""
    if not customer.avatar:
        return avatar(customer.name, classes)
    return format_html('<img class="initials {}" src="{}" alt="">', classes, customer.avatar.url)


@register.simple_tag
def tenant_mark(tenant: Any, classes: str = "") -> SafeString:
    """The tenant's logo, or its initials on its own colour. Decoration: its name stands beside it."""
    if tenant.logo:
        return format_html('<img class="tenant-mark {}" src="{}" alt="">', classes, tenant.logo.url)
    colours = palette(tenant.primary_colour)
    return format_html(
        '<svg class="tenant-mark {}" viewBox="0 0 32 32" aria-hidden="true">'
        '<rect x=".5" y=".5" width="31" height="31" rx="8" fill="{}" stroke="#888" stroke-opacity=".35"/>'
        '<text x="16" y="20.6" text-anchor="middle" '
        'font-size="13" font-weight="600" fill="{}">{}</text></svg>',
        classes,
        colours.fill,
        colours.on_fill,
        initials(tenant.name),
    )


@register.simple_tag(takes_context=True)
def page_tenant(context: Context) -> Any:
    """The tenant whose page this is: the view's own `tenant`, or the request's."""
    return context.get("tenant") or context["request"].tenant


@register.simple_tag(takes_context=True)
def door_tenant(context: Context) -> Tenant | None:
    """The tenant whose customers' pages an error page stands among, by its address; None anywhere else."""
    request = context.get("request")
    among = _DOORS.match(request.path) if request is not None else None
    return Tenant.objects.filter(slug=among[1]).first() if among else None


@register.simple_tag(takes_context=True)
def tenant_style(context: Context, tenant: Any) -> SafeString:
    """The tenant's colour as CSS variables, in a <style> that the page's CSP nonce allows."""
    light, dark = palette(tenant.primary_colour), palette(tenant.primary_colour, dark=True)
    pairs = ((light.fill, dark.fill), (light.on_fill, dark.on_fill), (light.accent, dark.accent))
    names = ("--tenant-primary", "--tenant-on-primary", "--tenant-accent")
    rules = "".join(f"{name}:light-dark({day},{night});" for name, (day, night) in zip(names, pairs, strict=True))
    return format_html('<style nonce="{}">:root{{{}}}</style>', context.get("csp_nonce", ""), rules)


@register.filter(name="contrast_text")
def contrast_text_filter(colour: str) -> str:
    """The text colour, near-black or white, that reads best on a hex colour."""
    return palette(colour).on_fill


@register.simple_tag(takes_context=True)
def nav_item(context: Context, name: str, icon_name: str, label: str, count: int | None = None) -> SafeString:
    """One line of the side navigation; the page that is open, or one below it, is marked."""
    request = context["request"]
    url = reverse(f"backoffice:{name}", kwargs={"tenant_slug": request.tenant.slug})
    current = request.path == url or (name != "overview" and request.path.startswith(url))
    return render_to_string(
        "ui/nav_item.html", {"url": url, "icon_name": icon_name, "label": label, "count": count, "current": current}
    )


@register.simple_tag(takes_context=True)
def sort_header(context: Context, field: str, label: str, classes: str = "") -> SafeString:
    """A column heading that sorts by `?sort=field`, then `?sort=-field`; paging starts again."""
    query = context["request"].GET.copy()
    current = query.get("sort", "")
    for key in ("after", "before", "cursor", "page"):
        query.pop(key, None)
    query["sort"] = f"-{field}" if current == field else field
    order = {field: "ascending", f"-{field}": "descending"}.get(current, "none")
    mark = {"ascending": "arrow-up", "descending": "arrow-down", "none": "selector"}[order]
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a class="sort" href="?{}">{}{}</a></th>',
        classes,
        order,
        query.urlencode(),
        label,
        icon(mark),
    )


@register.simple_tag
def copy_button(value: str, label: str = "") -> SafeString:
    """A small button that puts the value on the clipboard and says so."""
    return render_to_string("ui/copy_button.html", {"value": value, "label": label})


@register.simple_block_tag
def alert(content: str, level: str = "info", *, title: str = "", classes: str = "") -> SafeString:
    """A message in the page: success, info, warning or danger."""
    context = {"content": content, "level": level, "title": title, "classes": classes, "icon_name": ALERT_ICONS[level]}
    return render_to_string("ui/alert.html", context)


@register.simple_block_tag
def dialog(content: str, id: str, *, title: str, size: str = "") -> SafeString:
    """A native modal dialog; open it with <button command="show-modal" commandfor="ID">. Sizes: "", "lg"."""
    return render_to_string("ui/dialog.html", {"content": content, "id": id, "title": title, "size": size})


@register.simple_block_tag
def empty_state(content: str, icon_name: str, *, title: str) -> SafeString:
    """What a list shows when it has nothing: what would be here, and what to do next (the content)."""
    return render_to_string("ui/empty_state.html", {"content": content, "icon_name": icon_name, "title": title})


@register.simple_block_tag
def card(content: str, *, title: str = "", hint: str = "", classes: str = "", flush: bool = False) -> SafeString:
    """A surface with an optional heading. `flush` leaves out the padding, for tables and lists."""
    context = {"content": content, "title": title, "hint": hint, "classes": classes, "flush": flush}
    return render_to_string("ui/card.html", context)


@register.filter
def get_item(mapping: Mapping[str, Any], key: str) -> Any:
    """mapping[key], or None."""
    return mapping.get(key)


@register.filter
def numbered(items: Sequence[Any]) -> list[tuple[int, Any]]:
    """[(1, first), (2, second), ...]"""
    return list(enumerate(items, start=1))
