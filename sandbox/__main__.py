"""``python -m sandbox --port N --data DIR [--smtp-port M]``"""

import argparse
import os
from pathlib import Path

import uvicorn

from .app import Sandbox


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="Local payment gateway and inbox for development.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the state")
    parser.add_argument("--public-url", default=os.environ.get("SANDBOX_PUBLIC_URL"), help="address that browsers use")
    parser.add_argument("--smtp-port", type=int, help="receive e-mail by SMTP on this port (default: no e-mail)")
    parser.add_argument(
        "--mail-webhook-url",
        default=os.environ.get("SANDBOX_MAIL_WEBHOOK_URL"),
        help="where delivery, bounce and complaint events go, as Postmark posts them; may hold user:password@",
    )
    parser.add_argument(
        "--open-control", action="store_true", help="let other machines use the control API and the pages' buttons"
    )
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    app = Sandbox(
        arguments.data,
        smtp=(arguments.host, arguments.smtp_port) if arguments.smtp_port else None,
        public_url=arguments.public_url,
        mail_webhook_url=arguments.mail_webhook_url,
        open_control=arguments.open_control,
    )
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        http="h11",
        # Longer than clients keep an idle connection: whoever closes first must not be the one who is written to.
        timeout_keep_alive=75,
        # A request that a fault holds back does not hold back the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
