from django.apps import AppConfig


class InvitationsConfig(AppConfig):
    name = "invitations"

    def ready(self) -> None:
        from invitations import events  # noqa: F401  (registers the handler)
        from invitations.completion import PURPOSE, claim_invitation, link_change
        from invitations.delivery import note_delivery
        from messaging.delivery import register_listener
        from propagation.card_setups import register_purpose

        register_purpose(PURPOSE, claim=claim_invitation, link=link_change)
        register_listener("invitations.invitation", note_delivery)
