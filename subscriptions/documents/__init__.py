"""Invoices, receipts and credit notes as PDF, from frozen rows."""
