"""Changing products and prices. What a price costs never changes: subscriptions rest on it, so it is retired instead.

Every function runs in the open scope.
"""

from django.utils.translation import gettext_lazy as _

from subscriptions.errors import BillingError
from subscriptions.models import Price, Product
from tenants.actors import Actor
from tenants.audit import record, snapshot

_PRODUCT_FIELDS = ["name_en", "name_fr", "description_en", "description_fr", "is_active"]


def update_product(
    *,
    actor: Actor,
    product: Product,
    name_en: str,
    name_fr: str,
    is_active: bool,
    description_en: str = "",
    description_fr: str = "",
) -> Product:
    """Rename or describe a product, or take it off or back on sale. Raises BillingError `name_missing`."""
    if not name_en.strip():
        message = _("A product needs a name.")
        raise BillingError("name_missing", message, {"name_en": message})
    product = Product.objects.select_for_update().get(pk=product.pk)
    before = snapshot(product, _PRODUCT_FIELDS)
    product.name_en, product.name_fr, product.is_active = name_en.strip(), name_fr.strip(), is_active
    product.description_en, product.description_fr = description_en.strip(), description_fr.strip()
    after = snapshot(product, _PRODUCT_FIELDS)
    if after != before:
        product.save(update_fields=_PRODUCT_FIELDS)
        record(actor=actor, action="product.updated", target=product, before=before, after=after)
    return product


def set_price_active(*, actor: Actor, price: Price, is_active: bool) -> Price:
    """Offer a price to new subscriptions, or no longer; those that run keep it."""
    return _switch(actor, price, "is_active", is_active)


def set_price_public(*, actor: Actor, price: Price, is_public: bool) -> Price:
    """Offer a price to customers in their portal, or only through staff."""
    return _switch(actor, price, "is_public", is_public)


def _switch(actor: Actor, price: Price, name: str, value: bool) -> Price:
    if Price.objects.filter(pk=price.pk, **{name: not value}).update(**{name: value}):
        setattr(price, name, value)
        before, after = {name: not value}, {name: value}
        record(actor=actor, action="price.updated", target=price, before=before, after=after)
    return price
