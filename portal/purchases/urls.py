from django.urls import path

from portal.purchases import views

urlpatterns = [
    path("purchases/", views.purchases, name="purchases"),
    path("purchases/invoices/<uuid:invoice_id>/", views.invoice, name="invoice"),
    path("purchases/invoices/<uuid:invoice_id>/invoice.pdf", views.invoice_pdf, name="invoice_pdf"),
    path("purchases/invoices/<uuid:invoice_id>/receipt.pdf", views.receipt_pdf, name="receipt_pdf"),
    path("purchases/invoices/<uuid:invoice_id>/pay/", views.invoice_pay, name="invoice_pay"),
    path("purchases/credit-notes/<uuid:note_id>/credit-note.pdf", views.credit_note_pdf, name="credit_note_pdf"),
]
