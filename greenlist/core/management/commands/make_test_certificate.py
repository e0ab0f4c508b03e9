"""Makes the certificate with which the demonstration signs: by itself, worth nothing, stamped as a test."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from greenlist.core import clock, signatures


class Command(BaseCommand):
    help = "Make the demonstration's certificate for digital signatures."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demonstration signs with a certificate made by itself.")
        if not (settings.SIGNING_CERTIFICATE and settings.SIGNING_PASSPHRASE):
            raise CommandError("SIGNING_CERTIFICATE and SIGNING_PASSPHRASE say where it goes and what opens it.")
        path = Path(settings.SIGNING_CERTIFICATE)
        signatures.make_test_certificate(path, settings.SIGNING_PASSPHRASE, name="测试签名证书（示例）", at=clock.now())
