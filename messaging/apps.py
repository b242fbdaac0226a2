from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from messaging import tracking  # noqa: F401  (connects the receiver of delivery events)
