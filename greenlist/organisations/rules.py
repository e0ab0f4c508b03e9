"""Credit codes, and who may do what with an organisation. One predicate per action; no queries."""

import unicodedata
from datetime import date

from django.utils.translation import gettext_lazy as _
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength

from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, Text

CODE_LENGTH = 18
LONGEST_NAME = 120
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # kinds of signs that leave no mark on a page
# Letters and marks that are drawn as nothing (Unicode: default ignorable), and the blank braille pattern.
EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(sign)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))
    for sign in range(first, last + 1)
}
WIDE = str.maketrans("()", "（）")
SHORTEST = 6  # of the identity numbers and passports we take


class BadCode(Invalid):
    """Not a unified social credit code (GB 32100-2015); the message says what is wrong with it."""

    code = "bad_code"


def clean_name(name: str) -> str:
    """A name as it is read: no signs that cannot be seen (zero width, direction), one blank for many, plain letters.

    A name that only looks like another one would slip past the adverse records of the other.
    """
    seen = "".join(
        sign for sign in name if sign.isspace() or (sign not in EMPTY and unicodedata.category(sign) not in UNSEEN)
    )
    return " ".join(unicodedata.normalize("NFKC", seen).split()).translate(WIDE)


def clean_code(text: str) -> str:
    """The code as it is stored: half width, upper case, without blanks and hyphens. Raises BadCode.

    The region inside a code is that of the first registration: it never decides who is in charge.
    """
    code = "".join(unicodedata.normalize("NFKC", text).upper().split()).replace("-", "")
    try:
        return str(uscc.validate(code))
    except InvalidLength as wrong:
        problem: Text = _("A credit code has 18 characters; this one has %(count)s.") % {"count": len(code)}
        raise _bad(problem) from wrong
    except InvalidChecksum as wrong:
        problem = _("The last character does not fit the others: please compare with the business licence.")
        raise _bad(problem) from wrong
    except (InvalidFormat, InvalidComponent) as wrong:
        problem = _("A credit code has digits and capital letters only, never I, O, S, V or Z.")
        raise _bad(problem) from wrong


class BadIdentity(Invalid):
    """Not an identity number by which a person can be recognised again."""

    code = "bad_identity"


def clean_identity(text: str) -> str:
    """An identity number in one form: half width, upper case, without blanks and hyphens. Raises BadIdentity.

    The check digit of a resident's number is proven: a typing error would make two persons of one (HLJ-24b).
    """
    number = "".join(unicodedata.normalize("NFKC", text).upper().split()).replace("-", "")
    if not (number.isascii() and number.isalnum() and SHORTEST <= len(number) <= CODE_LENGTH):
        problem: Text = _("An identity number has 6 to 18 digits and letters.")
        raise BadIdentity(problem, problems={"identity": [problem]})
    resident = len(number) == CODE_LENGTH and number[:17].isdigit()
    if resident and number[-1] != ric.calc_check_digit(number):
        problem = _("The last character does not fit the others: please compare with the identity card.")
        raise BadIdentity(problem, problems={"identity": [problem]})
    return number


def _bad(problem: Text) -> BadCode:
    return BadCode(problem, problems={"code": [problem]})


def is_member(actor: Actor, organisation_id: int) -> bool:
    return actor.organisation_id is not None and actor.organisation_id == organisation_id


def is_owner(actor: Actor, organisation_id: int) -> bool:
    """Owners invite and end colleagues; everybody else of the firm works on its cases and profile."""
    return is_member(actor, organisation_id) and actor.is_owner


def is_in_charge(actor: Actor, *paths: str) -> bool:
    """An official whose area holds one of these places."""
    return actor.is_official and bool(actor.area_path) and any(path.startswith(actor.area_path) for path in paths)


def may_search(actor: Actor) -> bool:
    return actor.is_official and bool(actor.area_path)


def may_enter_adverse(actor: Actor) -> bool:
    """Officials for firms of their area; administrators by import of a source's file."""
    return actor.is_official or may_import(actor)


def may_import(actor: Actor) -> bool:
    return actor.capacity in {Capacity.ADMINISTRATOR, Capacity.SYSTEM}


def may_take_off(actor: Actor, claim: str, added_by: int | None, since: date, on: date) -> bool:
    """A firm off a park's list: a confirmed park hides none from the checks for a while, but takes back a slip."""
    return actor.is_official or claim != "confirmed" or (added_by == actor.user_id and since == on)


def may_submit(claim: str) -> bool:
    """A claim allows drafts; submission needs the authority's confirmation, because codes are public."""
    return claim == "confirmed"
