"""The cookie of a visit is bound to the path below `portal:pay`."""

from django.urls import path

from portal.pay import entry, views

urlpatterns = [
    path("pay/<str:token>", views.open_link, name="pay_link"),
    path("pay/invoices/<uuid:invoice_id>/", views.pay, name="pay"),
    path("pay/invoices/<uuid:invoice_id>/now/", views.pay_now, name="pay_now"),
    path("pay/invoices/<uuid:invoice_id>/status/", views.pay_status, name="pay_status"),
    path("pay/invoices/<uuid:invoice_id>/confirmation/", views.pay_confirmation, name="pay_confirmation"),
    path("pay/invoices/<uuid:invoice_id>/settled/", views.pay_settled, name="pay_settled"),
    path("pay/invoices/<uuid:invoice_id>/invoice.pdf", views.pay_invoice_pdf, name="pay_invoice_pdf"),
    path("pay/invoices/<uuid:invoice_id>/receipt.pdf", views.pay_receipt_pdf, name="pay_receipt_pdf"),
    path("pay/invoices/<uuid:invoice_id>/card/", entry.pay_card, name="pay_card"),
    path("pay/invoices/<uuid:invoice_id>/card/setup/", entry.pay_card_setup, name="pay_card_setup"),
    path("pay/invoices/<uuid:invoice_id>/card/details/", entry.pay_card_details, name="pay_card_details"),
    path("pay/invoices/<uuid:invoice_id>/card/failed/", entry.pay_card_failed, name="pay_card_failed"),
    path("pay/invoices/<uuid:invoice_id>/card/complete/", entry.pay_card_complete, name="pay_card_complete"),
]
