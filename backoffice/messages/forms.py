"""The form of a tenant's own words. It cleans input and saves nothing."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.own_words import LONGEST, BrokenWords
from messaging.rendering import Words


class WordsForm(forms.Form):
    """A subject and a text in Markdown, both with merge fields."""

    subject = forms.CharField(label=_("Subject"), required=False, strip=False)
    body = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "true", "class": "words-area"}),
        help_text=_(
            "Markdown: an empty line begins a paragraph, **bold**, *italic*, - for a list, "
            "[words](https://address) for a link."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].widget.attrs["maxlength"] = LONGEST["subject"]

    @property
    def words(self) -> Words:
        """What was typed, or what the form begins with."""
        return Words(str(self["subject"].value() or ""), str(self["body"].value() or "").replace("\r\n", "\n"))

    def refuse(self, error: BrokenWords) -> None:
        """Put each problem beside its field."""
        for problem in error.problems:
            self.add_error(problem.field, str(problem.message))
