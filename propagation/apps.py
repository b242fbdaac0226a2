from django.apps import AppConfig


class PropagationConfig(AppConfig):
    name = "propagation"

    def ready(self) -> None:
        from customers.deletion import register_deletion_guard
        from propagation import deletion, events  # noqa: F401  (registers the handlers)

        register_deletion_guard(deletion.open_changes_keep)
