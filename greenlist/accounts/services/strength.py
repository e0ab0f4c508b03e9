"""How strong a password must be: one switch (PASSWORD_POLICY) between two rule books, and words that everybody guesses.

Run by Django's `validate_password`; the numbers are settings, the words lie in `fixtures/accounts/password_words.txt`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from greenlist.accounts import rules
from greenlist.accounts.models import Area, Authority, Mandate, User

WORDS = Path(settings.ROOT) / "fixtures" / "accounts" / "password_words.txt"
SHORTEST = 3  # shorter names say nothing: 李
OWN = 8  # characters that must be left when the guessable words are taken out


def is_entrusted(user: User | None) -> bool:
    """Holds a mandate, also one of tomorrow."""
    return bool(user and user.pk) and Mandate.objects.filter(user=user, ended_at=None).exists()


def rules_for(user: User | None) -> dict[str, int]:
    return rules.password_rules(entrusted=is_entrusted(user))


def hint(user: User | None = None) -> str:
    """The rules in force for this person, as the form says them beforehand."""
    asked = rules_for(user)
    text = _("At least %(length)s characters; a sentence of your own is good, blanks count.")
    if asked["kinds"] > 1:
        text = _("At least %(length)s characters of %(kinds)s kinds: capitals, small letters, digits, other signs.")
    if asked["max_age_days"]:
        text += _(" It has to be changed every %(days)s days.")
    return text % {"length": asked["min_length"], "kinds": asked["kinds"], "days": asked["max_age_days"]}


def kinds(password: str) -> int:
    """How many kinds of characters: capitals, small letters, digits, everything else (Chinese, blanks, signs)."""
    tests = (str.isupper, str.islower, str.isdigit)
    other = any(not any(test(sign) for test in tests) for sign in password)
    return sum(any(test(sign) for sign in password) for test in tests) + other


class RuleBookValidator:
    """Length, kinds, and that it differs from the one before, by the rule book of the person."""

    def validate(self, password: str, user: User | None = None) -> None:
        asked = rules_for(user)
        found = []
        if len(password) < asked["min_length"]:
            found.append(_("It is shorter than %(length)s characters.") % {"length": asked["min_length"]})
        if kinds(password) < asked["kinds"]:
            found.append(
                _("It needs %(kinds)s of these: capitals, small letters, digits, other signs.")
                % {"kinds": asked["kinds"]}
            )
        if asked["max_age_days"] and user is not None and user.pk and user.check_password(password):
            found.append(_("It is the one you have now."))
        if found:
            raise ValidationError([ValidationError(text) for text in found])

    def get_help_text(self) -> str:
        return hint()


class ContextValidator:
    """What anybody guesses who knows the portal, the office or the person (6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        refuse_words(password, _known() | _about(user))

    def get_help_text(self) -> str:
        return _("No names of the office, the portal or yourself.")


def refuse_words(password: str, words: Iterable[str]) -> None:
    """Raises ValidationError when little is left of a password without these words, which are squeezed already."""
    plain = left = squeeze(password)
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    if left != plain and len(left) < OWN:
        raise ValidationError(
            _("It is made of words that are easily guessed here, such as the office, the portal or your name.")
        )


def squeeze(text: str) -> str:
    """As one compares them: one width, small letters, without blanks and signs between."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(squeeze(line) for line in lines if line.strip() and not line.startswith("#"))


def _about(user: User | None) -> set[str]:
    if user is None:
        return set()
    words: list[Any] = [user.username, user.name, user.email.partition("@")[0]]
    if user.pk:
        offices = Authority.objects.filter(mandates__user=user, mandates__ended_at=None)
        for name, name_en, path in offices.values_list("name", "name_en", "area__path"):
            words += [name, name_en]
            places = Area.objects.filter(slug__in=path.strip("/").split("/"))
            for place, english in places.values_list("name", "name_en"):
                words += [place, english, english.split(" ")[0]]
    return {short for word in words if len(short := squeeze(word)) >= SHORTEST}
