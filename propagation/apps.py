from django.apps import AppConfig


class PropagationConfig(AppConfig):
    name = "propagation"
