from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"

    def ready(self) -> None:
        from customers.deletion import register_deletion_guard
        from subscriptions import deletion, disputes, events  # noqa: F401  (registers the handlers)
        from subscriptions.documents.attachments import register_attachments

        register_attachments()
        register_deletion_guard(deletion.subscriptions_keep)
        register_deletion_guard(deletion.invoices_keep)
        register_deletion_guard(deletion.balance_keeps)
