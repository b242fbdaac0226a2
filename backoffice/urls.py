"""The back office's addresses, below /t/<tenant>/. Each view says which right it needs; see tenants.access."""

from django.urls import URLPattern, URLResolver, include, path

from backoffice import search
from backoffice.audit import views as audit
from backoffice.billing import balance, collecting, lifecycle, products, subscribing
from backoffice.billing import invoices as invoice_views
from backoffice.billing import views as billing
from backoffice.changes import views as changes
from backoffice.invitations import send
from backoffice.invitations import views as invitations
from backoffice.organisation import gateway, taxes, team
from backoffice.organisation import views as organisation
from backoffice.overview import views as overview

app_name = "backoffice"

invite: list[URLPattern] = [
    path("", send.invitation_choose, name="invitation_choose"),
    path("send/", send.invitation_send, name="invitation_send"),
    path("preview/", send.invitation_preview, name="invitation_preview"),
    path("preview/mail/", send.invitation_preview_mail, name="invitation_preview_mail"),
]
invitation: list[URLPattern] = [
    path("", invitations.invitation, name="invitation"),
    path("link/", invitations.invitation_link_show, name="invitation_link"),
    path("resend/", invitations.invitation_resend, name="invitation_resend"),
    path("revoke/", invitations.invitation_revoke, name="invitation_revoke"),
]
changes_urls: list[URLPattern] = [
    path("", changes.changes, name="changes"),
    path("<uuid:change_id>/", changes.change, name="change"),
    path("<uuid:change_id>/progress/", changes.change_progress, name="change_progress"),
    path("steps/<uuid:step_id>/retry/", changes.step_retry, name="step_retry"),
    path("steps/<uuid:step_id>/waive/", changes.step_waive, name="step_waive"),
]
products_urls: list[URLPattern] = [
    path("", products.products, name="products"),
    path("new/", products.product_create, name="product_create"),
    path("<uuid:product_id>/", products.product, name="product"),
    path("<uuid:product_id>/edit/", products.product_edit, name="product_edit"),
    path("<uuid:product_id>/prices/", products.price_create, name="price_create"),
    path("prices/<uuid:price_id>/active/", products.price_active, name="price_active"),
    path("prices/<uuid:price_id>/public/", products.price_public, name="price_public"),
]
subscription_urls: list[URLPattern] = [
    path("", billing.subscription, name="subscription"),
    path("payer/", lifecycle.subscription_payer, name="subscription_payer"),
    path("pause/", lifecycle.subscription_pause, name="subscription_pause"),
    path("resume/", lifecycle.subscription_resume, name="subscription_resume"),
    path("cancel/", lifecycle.subscription_cancel, name="subscription_cancel"),
    path("undo/", lifecycle.subscription_undo, name="subscription_undo"),
    path("quantity/", lifecycle.subscription_quantity, name="subscription_quantity"),
]
invoice_urls: list[URLPattern] = [
    path("", invoice_views.invoice, name="invoice"),
    path("invoice-<str:language>.pdf", invoice_views.invoice_pdf, name="invoice_pdf"),
    path("receipt-<str:language>.pdf", invoice_views.receipt_pdf, name="receipt_pdf"),
    path("send/", invoice_views.invoice_send, name="invoice_send"),
    path("refresh/", invoice_views.invoice_refresh, name="invoice_refresh"),
    path("collect/", collecting.invoice_collect, name="invoice_collect"),
    path("void/", collecting.invoice_void, name="invoice_void"),
    path("uncollectible/", collecting.invoice_uncollectible, name="invoice_uncollectible"),
    path("credit/", collecting.invoice_credit, name="invoice_credit"),
    path("credit/split/", collecting.invoice_credit_preview, name="invoice_credit_preview"),
]
settings_urls: list[URLPattern | URLResolver] = [
    path("organisation/", organisation.settings, name="settings"),
    path("organisation/colour/", organisation.settings_colour, name="settings_colour"),
    path("organisation/billing/", organisation.settings_billing, name="settings_billing"),
    path("organisation/dunning/", organisation.settings_dunning, name="settings_dunning"),
    path("organisation/dunning/preview/", organisation.settings_dunning_preview, name="settings_dunning_preview"),
    path("organisation/portal/", organisation.settings_portal, name="settings_portal"),
    path("organisation/taxes/", taxes.tax_rates, name="tax_rates"),
    path("organisation/taxes/regions/", taxes.tax_region, name="tax_region"),
    path("organisation/taxes/<uuid:rate_id>/end/", taxes.tax_rate_end, name="tax_rate_end"),
    path("messages/", include("backoffice.messages.urls")),
    path("team/", team.team, name="team"),
    path("team/invite/", team.team_invite, name="team_invite"),
    path("team/<uuid:membership_id>/role/", team.team_role, name="team_role"),
    path("team/<uuid:membership_id>/remove/", team.team_remove, name="team_remove"),
    path("team/invitations/<uuid:invitation_id>/revoke/", team.team_invitation_revoke, name="team_invitation_revoke"),
    path("gateway/", gateway.gateway, name="gateway"),
    path("gateway/events/<uuid:event_id>/retry/", gateway.event_retry, name="event_retry"),
    path("gateway/keys/", gateway.gateway_connect, name="gateway_connect"),
    path("audit/", audit.audit, name="audit"),
]
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview/<str:chart>.svg", overview.overview_chart, name="overview_chart"),
    path("search/", search.search, name="search"),
    path("customers/", include("backoffice.customers.urls")),
    path("customers/<uuid:customer_id>/subscribe/", subscribing.subscribe, name="subscribe"),
    path("customers/<uuid:customer_id>/subscribe/preview/", subscribing.subscribe_preview, name="subscribe_preview"),
    path("customers/<uuid:customer_id>/sell/", subscribing.sell, name="sell"),
    path("customers/<uuid:customer_id>/sell/preview/", subscribing.sell_preview, name="sell_preview"),
    path("", include("backoffice.profiles.urls")),
    path("customers/<uuid:customer_id>/invite/", include(invite)),
    path("invitations/", invitations.invitations, name="invitations"),
    path("invitations/<uuid:invitation_id>/", include(invitation)),
    path("changes/", include(changes_urls)),
    path("subscriptions/", billing.subscriptions, name="subscriptions"),
    path("subscriptions/<uuid:subscription_id>/", include(subscription_urls)),
    path("invoices/", billing.invoices, name="invoices"),
    path("invoices/<uuid:invoice_id>/", include(invoice_urls)),
    path("credit-notes/<uuid:note_id>/<str:language>.pdf", invoice_views.credit_note_pdf, name="credit_note_pdf"),
    path("refunds/<uuid:refund_id>/retry/", collecting.refund_retry, name="refund_retry"),
    path("refunds/<uuid:refund_id>/to-balance/", collecting.refund_move, name="refund_move"),
    path("customers/<uuid:customer_id>/balance/", balance.balance, name="balance"),
    path("customers/<uuid:customer_id>/balance/new/", balance.balance_entry, name="balance_entry"),
    path("products/", include(products_urls)),
    path("settings/", include(settings_urls)),
]
