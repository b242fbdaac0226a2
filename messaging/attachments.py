"""What is attached to mails: made when the mail is sent, from rows, by whichever package knows the kind.

A mail is never sent without what belongs to it: when an attachment cannot be made, the mail waits, and says why.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

import structlog

from messaging.errors import SendFailed
from tenants.scope import forbid_open_transaction, tenant_scope

log = structlog.get_logger(__name__)


class Attached(TypedDict):
    """What `Message.attachments` keeps: the registered kind, the row's id, and the language to write it in."""

    kind: str
    id: str
    language: str


@dataclass(frozen=True)
class Attachment:
    filename: str
    mimetype: str
    content: bytes


#: What is left to do once the rows have been read.
type Rest = Callable[[], Attachment]
type Maker = Callable[[str, str], Attachment | Rest]
_makers: dict[str, Maker] = {}


def register(kind: str, make: Maker) -> None:
    """Have `make(id, language)` called, in the tenant's scope, for attachments of this kind. It may raise anything.

    What takes long, or reads files from a storage, belongs into a function that `make` returns: that is called after
    the scope, when no transaction is open any more.
    """
    _makers[kind] = make


def make_attachments(tenant_id: UUID, attached: Iterable[Attached]) -> list[Attachment]:
    """Make each, in a scope of its own. Raises SendFailed, to be tried again, when one cannot be made."""
    forbid_open_transaction()
    return [_make(tenant_id, item) for item in attached]


def _make(tenant_id: UUID, item: Attached) -> Attachment:
    maker = _makers.get(item["kind"])
    if maker is None:
        raise SendFailed(f"Nothing makes the attachment {item['kind']}.", permanent=False)
    try:
        with tenant_scope(tenant_id):
            made = maker(item["id"], item["language"])
        return made() if callable(made) else made
    except Exception as error:
        log.exception("attachment_not_made", kind=item["kind"], id=item["id"])
        raise SendFailed(
            f"The attachment {item['kind']} could not be made ({type(error).__name__}).", permanent=False
        ) from error
