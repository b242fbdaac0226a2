"""What can go wrong with a message."""

from tenants.errors import DomainError


class MessageError(DomainError):
    """A message could not be queued."""


class SendFailed(Exception):
    """A provider did not take a message. `permanent`: sending it again would end the same way."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
