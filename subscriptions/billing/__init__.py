"""The billing run: what is due is billed, ended or resumed, and invoices are issued."""
