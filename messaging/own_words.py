"""Tenants' own words for the mails to their customers, in place of ours. Every function runs in the open scope."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from messaging.kinds import BUTTON, Context, Kind
from messaging.markdown import BRACES, FIELD, Text, read
from messaging.models import Channel, Message, MessageTemplate
from messaging.rendering import Rendered, Words, render
from messaging.services import put_in_outbox
from tenants.actors import Actor
from tenants.audit import record
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import current_tenant_id

SUBJECT, BODY = "subject", "body"
LONGEST = {SUBJECT: 200, BODY: 20_000}
_ADDRESS = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a text, in one sentence. `field` is subject or body; `line` counts from 1."""

    field: str
    line: int
    message: str | Promise


class BrokenWords(DomainError):
    """A text cannot be used. `problems` are all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        fields = {problem.field: problem.message for problem in reversed(problems)}
        super().__init__("broken_words", first.message, fields)
        self.problems = problems


def problems_of(kind: Kind, words: Words) -> list[Problem]:
    """All that is wrong with a text: unknown fields, broken braces, what stands where it must not."""
    found: list[Problem] = []
    for name, text in ((SUBJECT, words.subject), (BODY, words.body)):
        if not text.strip():
            found.append(Problem(name, 1, _("Write something here, or go back to our words.")))
        if "\x00" in text:
            found.append(Problem(name, 1, _("Null characters are not allowed.")))
        if len(text) > LONGEST[name]:
            limit = {"limit": LONGEST[name]}
            found.append(Problem(name, 1, _("This is too long: %(limit)s characters at most.") % limit))
        found.extend(_field_problems(kind, name, text))
    if not found:
        found.extend(_subject_problems(kind, words.subject))
        found.extend(_body_problems(kind, words.body))
    return found


def _field_problems(kind: Kind, name: str, text: str) -> Iterator[Problem]:
    known = {field.name for field in kind.all_fields} | kind.blocks.keys()
    for number, line in enumerate(text.splitlines(), start=1):
        for used in dict.fromkeys(FIELD.findall(line)):
            if used not in known:
                close = get_close_matches(used, known, n=1)
                yield Problem(name, number, _did_you_mean(number, used, close[0] if close else ""))
        if left := BRACES.search(FIELD.sub("", line)):
            yield Problem(name, number, _broken(number, left.group()))


def _did_you_mean(line: int, used: str, close: str) -> str | Promise:
    told = {"line": line, "name": used, "close": close}
    if close:
        return _("Line %(line)s: there is no merge field {{ %(name)s }}. Did you mean {{ %(close)s }}?") % told
    return _("Line %(line)s: there is no merge field {{ %(name)s }} in this mail.") % told


def _broken(line: int, braces: str) -> str | Promise:
    told = {"line": line, "braces": braces}
    if "%" in braces or "#" in braces:
        return (
            _("Line %(line)s: “%(braces)s” has no meaning here. Only merge fields such as {{ company }} have.") % told
        )
    return _("Line %(line)s: “%(braces)s” is not part of a merge field. Write {{ company }}, with two braces.") % told


def _subject_problems(kind: Kind, subject: str) -> Iterator[Problem]:
    if len(subject.strip().splitlines()) > 1:
        yield Problem(SUBJECT, 1, _("A subject is one line."))
    for used in FIELD.findall(subject):
        field = kind.find(used)
        if field is None or field.is_link or field.is_secret:
            yield Problem(SUBJECT, 1, _("{{ %(name)s }} cannot stand in the subject.") % {"name": used})


def _body_problems(kind: Kind, body: str) -> Iterator[Problem]:
    text = read(body, any_address=True)
    used = set(text.names.values())
    for field in kind.fields:
        if field.is_required and field.name not in used:
            yield Problem(BODY, 1, _("This mail is useless without {{ %(name)s }}.") % {"name": field.name})
    for token in text.tokens:
        if token.type != "inline" or text.block(token, kind.blocks):
            continue
        line = (token.map or [0])[0] + 1
        inside = [name for mark, name in text.names.items() if mark in token.content and name in kind.blocks]
        for name in inside:
            message = _("Line %(line)s: {{ %(name)s }} must stand in a paragraph of its own.")
            yield Problem(BODY, line, message % {"line": line, "name": name})
        for child in token.children or []:
            if child.type == "link_open":
                yield from _link_problems(kind, text, str(child.attrGet("href") or ""), line)
    if list(text.names.values()).count(BUTTON) > 1:
        yield Problem(BODY, 1, _("{{ button }} can stand here only once."))


def _link_problems(kind: Kind, text: Text, href: str, line: int) -> Iterator[Problem]:
    named = [name for mark, name in text.names.items() if mark in href]
    for name in named:
        field = kind.find(name)
        if field is None or not field.is_link:
            message = _("Line %(line)s: {{ %(name)s }} is not an address that a link can lead to.")
            yield Problem(BODY, line, message % {"line": line, "name": name})
    if named and not any(href.startswith(mark) for mark in text.names):
        # What stands in it opens doors: it goes to the site that it was made for, and to no other.
        yield Problem(BODY, line, _("Line %(line)s: an address must begin with its merge field.") % {"line": line})
    if not named and not _ADDRESS.match(href):
        message = _("Line %(line)s: a link’s address begins with https://, mailto: or tel:.")
        yield Problem(BODY, line, message % {"line": line})


def check(kind: Kind, words: Words) -> None:
    """Raises BrokenWords."""
    if problems := problems_of(kind, words):
        raise BrokenWords(problems)


def starting_words(kind: Kind, language: str) -> Words:
    """What a tenant's own text begins with."""
    with override(language):
        return Words(str(kind.subject), str(kind.body))


def save_own_words(*, actor: Actor, kind: Kind, language: str, words: Words) -> MessageTemplate:
    """Say this, from now on, in mails of that kind and language. Raises BrokenWords."""
    words = Words(words.subject.strip(), words.body.replace("\r\n", "\n").strip())
    check(kind, words)
    _known_language(language)
    Tenant.objects.select_for_update().get(pk=current_tenant_id())
    before = MessageTemplate.objects.filter(name=kind.name, language=language).first()
    if before is not None and (before.subject, before.body) == (words.subject, words.body):
        return before
    own, _created = MessageTemplate.objects.update_or_create(
        name=kind.name, language=language, defaults={"subject": words.subject, "body": words.body}
    )
    record(
        actor=actor,
        action="message_template.saved",
        target=own,
        before={"subject": before.subject, "body": before.body} if before else {},
        after={"subject": own.subject, "body": own.body},
    )
    return own


def reset_own_words(*, actor: Actor, kind: Kind, language: str) -> bool:
    """Go back to our words. False when they were in use already."""
    own = MessageTemplate.objects.select_for_update().filter(name=kind.name, language=language).first()
    if own is None:
        return False
    record(
        actor=actor,
        action="message_template.reset",
        target=own,
        before={"subject": own.subject, "body": own.body},
    )
    own.delete()
    return True


def render_sample(kind: Kind, language: str, words: Words | None = None) -> Rendered:
    """The mail with an example's values: as a draft says it, else as it is sent now. Raises BrokenWords."""
    if words is not None:
        check(kind, words)
    return render(Channel.EMAIL, kind.name, language, _sample(kind, language), words=words)


def example_values(kind: Kind, language: str) -> dict[str, str]:
    """Every merge field's value in the example."""
    tenant = Tenant.objects.get(pk=current_tenant_id())
    context = _sample(kind, language) | {"portal_url": f"{settings.BASE_URL}/portal/{tenant.slug}/"}
    with override(language), timezone.override(tenant.time_zone):
        return kind.values(context)


def send_test(*, actor: Actor, kind: Kind, language: str, words: Words, to: str) -> Message:
    """Send the draft, with an example's values, to the one who writes it. Raises BrokenWords."""
    check(kind, words)
    rendered = render(Channel.EMAIL, kind.name, language, _sample(kind, language), words=words)
    with override(language):
        subject = _("Test: %(subject)s") % {"subject": rendered.subject}
    message = Message(
        channel=Channel.EMAIL,
        to=to,
        template=kind.name,
        language=language,
        subject=subject[:200],
        text=rendered.text,
        html=rendered.html,
    )
    return put_in_outbox(message, actor=actor)


def _sample(kind: Kind, language: str) -> Context:
    tenant = Tenant.objects.get(pk=current_tenant_id())
    with override(language):
        return kind.sample(f"{settings.BASE_URL}/portal/{tenant.slug}/") | {"tenant": tenant}


def _known_language(language: str) -> None:
    if language not in dict(settings.LANGUAGES):
        raise ValueError(language)
