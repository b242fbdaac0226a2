from django.apps import AppConfig


class PropagationConfig(AppConfig):
    name = "propagation"

    def ready(self) -> None:
        from propagation import events  # noqa: F401  (registers the handlers)
