from django.apps import AppConfig


class InvitationsConfig(AppConfig):
    name = "invitations"

    def ready(self) -> None:
        from invitations import events  # noqa: F401  (registers the handler)
        from invitations.completion import PURPOSE, claim_invitation, link_change
        from invitations.delivery import note_delivery
        from invitations.dunning import invite_after_failure
        from messaging.delivery import register_listener
        from propagation.card_setups import register_purpose
        from subscriptions.dunning import register_inviter

        register_purpose(PURPOSE, claim=claim_invitation, link=link_change)
        register_inviter(invite_after_failure)
        register_listener("invitations.invitation", note_delivery)
