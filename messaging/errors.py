"""What can go wrong with a message."""

from tenants.errors import DomainError


class MessageError(DomainError):
    """A message could not be queued."""


class SendFailed(Exception):
    """A provider did not take a message. `permanent`: sending it again would end the same way. `unreachable`: nobody
    answered, as nobody would answer the next message."""

    def __init__(self, reason: str, *, permanent: bool, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.unreachable = unreachable


def is_permanent(status: int) -> bool:
    """Whether an HTTP answer refuses the message itself; what is wrong with our account may be mended meanwhile."""
    return 400 <= status < 500 and status not in {401, 403, 408, 429}
