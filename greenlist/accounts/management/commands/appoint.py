from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from greenlist.accounts import selectors, services
from greenlist.accounts.models import Mandate, User
from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import DomainError, Invalid


class Command(BaseCommand):
    help = (
        "Appoints an administrator, making the account where there is none: for a new installation, where nobody can give "
        "mandates yet. The person sets a password by “Forgotten password” and a second factor at the first sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=("administrator", "security", "auditor"))
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="for a new account")
        parser.add_argument("--email", default="", help="for a new account: where the link for the password goes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                self.appoint(**{key: options[key] for key in ("role", "username", "name", "email")})
        except DomainError as refused:
            told = refused.problems.values() if isinstance(refused, Invalid) else ()
            words = [str(refused.message), *(str(one) for texts in told for one in texts)]
            raise CommandError(" ".join(dict.fromkeys(words))) from refused

    def appoint(self, *, role: str, username: str, name: str, email: str) -> None:
        now = clock.now()
        user = selectors.user_named(services.clean_username(username))
        if user is None:
            if not name or not email:
                raise CommandError("There is no such account: give --name and --email to make it.")
            user = services.create_person(user=User(username=username, name=name, email=email), actor=SYSTEM, at=now)
        mandate = Mandate(user=user, role=role, valid_from=clock.china_date(now))
        services.grant_mandate(mandate=mandate, actor=SYSTEM, at=now)
        self.stdout.write(f"{user.username} ({user.name}): {role}")
