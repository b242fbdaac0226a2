from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from customers.deletion import register_deletion_guard
        from payments import deletion, event_handlers  # noqa: F401  (registers the handlers)

        register_deletion_guard(deletion.profiles_keep)
        register_deletion_guard(deletion.card_entries_keep)
