"""Findings in words, for the error page: the frame knows no policy, the portal does."""

from typing import Any

from django import template

from greenlist.policy import words
from greenlist.policy.engine.types import Finding

register = template.Library()


@register.filter
def in_words(finding: Any) -> str:
    """The sentence of a finding, or the text that the row already carries."""
    return words.sentence(finding) if isinstance(finding, Finding) else str(getattr(finding, "text", finding))


@register.filter
def in_language(text: Any) -> str:
    """A bilingual text of a data file in the reader's language."""
    return words.text(text)
