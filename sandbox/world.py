"""Everything that one running sandbox holds."""

from dataclasses import dataclass

from .faults import Faults
from .store import Store
from .webhooks import Dispatcher


@dataclass
class World:
    store: Store
    faults: Faults
    dispatcher: Dispatcher
    public_url: str | None = None
    mail_webhook_url: str | None = None
    open_control: bool = False
