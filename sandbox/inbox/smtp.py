"""The SMTP side of the inbox."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from ..world import World
from . import messages, reports

LARGEST = 40 * 1024 * 1024


class Receiver:
    def __init__(self, world: World):
        self.world = world

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = messages.parse_mail(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        messages.keep(self.world.store, mail)
        reports.after_mail(self.world, mail)
        return f"250 OK: queued as {mail['id']}"


async def listen(world: World, host: str, port: int) -> asyncio.Server:
    receiver = Receiver(world)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(receiver, enable_SMTPUTF8=True, data_size_limit=LARGEST, hostname="sandbox.local", loop=loop),
        host=host,
        port=port,
    )
