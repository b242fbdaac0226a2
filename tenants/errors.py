"""Errors that a person may be shown: a stable code for programs and a sentence for people."""

from collections.abc import Mapping

from django.utils.functional import Promise


class DomainError(Exception):
    """A rule was broken. `code` is stable; `message` is one sentence in the reader's language.

    `fields` maps form field names to sentences, for errors that belong beside a field.
    """

    def __init__(self, code: str, message: str | Promise, fields: Mapping[str, str | Promise] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.fields = dict(fields or {})

    def __str__(self) -> str:
        return str(self.message)
