"""A visible digital signature on a PDF we rendered, by a certificate that the settings name; optional (docs/adr/0008).

Without a certificate, or without the extra packages, nothing is signed and the scan of the sealed paper stays the way.
What a certificate is worth is for who issued it: one that was made by itself is stamped 测试 and said to be untrusted.
"""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw, ImageFont

from greenlist.core.clock import CHINA

FIELD = "Signature1"
WIDTH, HEIGHT = 190, 42  # points of the stamp: it stands in the foot margin, beside the page number
FOOT, RIGHT = 9, 40  # from the edge of the page
SHARP = 4  # dots for each point
PINE, SEAL = (31, 92, 74), (178, 40, 32)


@dataclass(frozen=True, slots=True)
class Words:
    """What the stamp says, beside what the certificate says."""

    office: str
    person: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a signature in a file says, and whether the file still is what was signed."""

    subject: str
    issuer: str
    since: datetime
    until: datetime
    at: datetime | None
    reason: str
    intact: bool  # not one byte of what was signed has changed
    whole: bool  # what was signed is all of the file
    self_made: bool
    trusted: bool  # by the roots that the settings name

    @property
    def holds(self) -> bool:
        return self.intact and self.whole


def is_ready() -> bool:
    """Whether there is a certificate and the packages that sign with it."""
    return bool(settings.SIGNING_CERTIFICATE) and can_read()


def can_read() -> bool:
    """Whether the packages are there that read signatures."""
    return find_spec("pyhanko") is not None


@cache
def _signer(path: str, changed: float, passphrase: str) -> Any:
    """Read once, anew when the file changes. Raises ValueError when it cannot be opened."""
    from pyhanko.sign import signers

    found = signers.SimpleSigner.load_pkcs12(path, passphrase=passphrase.encode() or None)
    if found is None:
        raise ValueError("SIGNING_CERTIFICATE cannot be opened with SIGNING_PASSPHRASE")
    return found


def signer() -> Any:
    path = Path(settings.SIGNING_CERTIFICATE)
    return _signer(str(path), path.stat().st_mtime, settings.SIGNING_PASSPHRASE)


def signed(body: bytes, words: Words) -> bytes:
    """The same document with a stamp on its last page, signed as a whole. Raises ValueError, OSError (certificate)."""
    from pyhanko import stamp
    from pyhanko.pdf_utils.images import PdfImage
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers

    by = signer()
    writer = IncrementalPdfFileWriter(io.BytesIO(body))
    pages = int(writer.root["/Pages"]["/Count"])
    width = float(_media_box(writer, pages - 1)[2])
    box = (int(width) - RIGHT - WIDTH, FOOT, int(width) - RIGHT, FOOT + HEIGHT)
    field = fields.SigFieldSpec(FIELD, on_page=pages - 1, box=box)
    picture = PdfImage(_drawn(words, self_made=_is_self_made(by.signing_cert)))
    style = stamp.StaticStampStyle(background=picture, background_opacity=1, border_width=0)
    meta = signers.PdfSignatureMetadata(field_name=FIELD, name=words.office, reason=words.reason, md_algorithm="sha256")
    out = io.BytesIO()
    hand = signers.PdfSigner(meta, signer=by, stamp_style=style, new_field_spec=field)
    _apart(lambda: hand.sign_pdf(writer, output=out))
    return out.getvalue()


def _apart(work: Callable[[], Any]) -> Any:
    """In a thread of its own: pyHanko starts an event loop, which cannot be done where one runs already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def _media_box(writer: Any, number: int) -> Any:
    """Of a page, which may have it from the nodes above it."""
    reference, _resources = writer.find_page_for_modification(number)
    node = reference.get_object()
    while "/MediaBox" not in node:
        node = node["/Parent"]
    return node["/MediaBox"]


def _is_self_made(certificate: Any) -> bool:
    return bool(certificate.issuer == certificate.subject)


def _drawn(words: Words, *, self_made: bool) -> Image.Image:
    """The stamp as a picture: a frame with who signed and when; red and marked where the certificate is self-made."""
    import pylopdf_fonts_zh_cn as fonts

    colour = SEAL if self_made else PINE
    picture = Image.new("RGB", (WIDTH * SHARP, HEIGHT * SHARP), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((SHARP, SHARP, (WIDTH - 1) * SHARP, (HEIGHT - 1) * SHARP), outline=colour, width=SHARP)

    def line(text: str, top: int, size: int) -> None:
        font = ImageFont.truetype(str(fonts.sans_path()), size * SHARP)
        while size > 5 and pen.textlength(text, font=font) > (WIDTH - 12) * SHARP:
            size -= 1
            font = ImageFont.truetype(str(fonts.sans_path()), size * SHARP)
        pen.text((6 * SHARP, top * SHARP), text, font=font, fill=colour)

    with translation.override("zh-hans"):
        local = words.at.astimezone(CHINA)
        when = f"{formats.date_format(local, 'DATE_FORMAT')} {local:%H:%M}"
        line(_("Digital signature (test, without legal force)") if self_made else _("Digital signature"), 2, 7)
        line(words.office, 13, 10)
        line(_("Signed by: %(name)s, %(when)s") % {"name": words.person, "when": when}, 28, 7)
    return picture


def said(body: bytes) -> Said | None:
    """What the signature in a file says; None: there is none. Nothing is fetched from anywhere."""
    from pyhanko.keys import load_cert_from_pemder
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    reader = PdfFileReader(io.BytesIO(body))
    found = reader.embedded_signatures
    if not found:
        return None
    signature = found[-1]
    roots = [load_cert_from_pemder(path) for path in settings.SIGNING_ROOTS]
    context = ValidationContext(trust_roots=roots, allow_fetching=False)
    status = _apart(lambda: validate_pdf_signature(signature, context))
    certificate = signature.signer_cert
    return Said(
        subject=certificate.subject.human_friendly,
        issuer=certificate.issuer.human_friendly,
        since=certificate.not_valid_before,
        until=certificate.not_valid_after,
        at=signature.self_reported_timestamp,
        reason=str(signature.sig_object.get("/Reason", "")),
        intact=bool(status.intact and status.valid),
        whole=status.coverage is not None and status.coverage.name == "ENTIRE_FILE",
        self_made=_is_self_made(certificate),
        trusted=bool(status.trusted),
    )


def make_test_certificate(path: Path, passphrase: str, *, name: str, at: datetime) -> None:
    """A certificate for the demonstration, made by itself and worth nothing; never part of a repository."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at.replace(microsecond=0))
        .not_valid_after(at.replace(microsecond=0, year=at.year + 1, month=1, day=1))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    bag = pkcs12.serialize_key_and_certificates(
        b"signing", key, made, None, BestAvailableEncryption(passphrase.encode())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(bag)
