"""典型经验报告 (HEB-4a): a document of its own, with its outline, limits and pictures, for those who see the case."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.urls import reverse
from docx import Document as WordFile
from PIL import Image
from pypdf import PdfReader

from applications.documents import experience
from applications.models import Application, Document
from applications.selectors import drafts as reads
from applications.services import drafts
from greenlist.core import documents
from greenlist.core.models import RenderJob
from tests import factories
from tests.applications import filled
from tests.applications.test_report_word import flat, pdf_text
from tests.rendering import content, fetched
from tests.world import World

pytestmark = pytest.mark.clause("HEB-4a")
INSIGHT = "以能源管理中心带动全流程节能，做到省钱又降碳"


def write(world: World, case: Application, **given: Any) -> None:
    version = case.report.sections.get(key="experience").version
    drafts.save_section(
        actor=world.actor("applicant"), at=filled.SPRING, reference=case.reference, section="experience",
        answers=given, version=version,
    )  # fmt: skip


@pytest.fixture
def draft(world: World) -> Application:
    filled.load_rules()
    factories.title(world.site, "province")  # HEB-1c
    case = filled.fill(world, filled.start(world, filled.open_call(world, "hebei-national")))
    write(world, case, headline="向绿而行", insight=INSIGHT, highlight_1="余热回收供暖", highlight_1_text="做法。" * 70)
    return case


@pytest.fixture
def declared(world: World, draft: Application) -> Application:
    filled.submit(world, draft)
    return draft


def url(case: Application, format_: str = "pdf") -> str:
    return reverse(f"applications:experience-{format_}", args=[case.reference])


def test_the_outline_in_order_with_the_pictures_as_word_file(world: World, declared: Application) -> None:
    answer = fetched(world.client("applicant"), url(declared, "docx"))
    word = WordFile(io.BytesIO(content(answer)))
    assert word.paragraphs[0].text == "向绿而行"
    headings = [one.text for one in word.paragraphs if one.style.name == "Heading 2"]
    assert [one.partition("　")[0] for one in headings] == [
        *("示范启示", "简介", "创建做法", "亮点一", "亮点二", "亮点三", "下一步发展措施"),
    ]
    assert headings[3] == "亮点一　余热回收供暖"
    assert len(word.inline_shapes) == 3
    text = flat("".join(one.text for one in word.paragraphs))
    assert INSIGHT in text and declared.name in text
    assert "highlight_1_pictures.png" in text


def test_the_pdf_says_and_shows_the_same(world: World, declared: Application) -> None:
    body = content(fetched(world.client("city_handler"), url(declared)))
    text = pdf_text(body)
    for wanted in ("向绿而行", INSIGHT, "亮点一余热回收供暖", declared.name, declared.report.versions.get().digest):
        assert flat(wanted) in text, wanted
    assert sum(len(page.images) for page in PdfReader(io.BytesIO(body)).pages) >= 3
    assert Document.objects.filter(application=declared, kind=experience.KIND).count() == 1


def test_who_sees_the_case_gets_it_and_nobody_else(world: World, declared: Application) -> None:
    for who in ("applicant", "colleague", "city_handler", "city_approver"):
        assert world.client(who).get(url(declared)).status_code in (200, 202), who
    for who in ("rival", "other_city_handler", "expert"):
        assert world.client(who).get(url(declared)).status_code == 404, who


def test_a_draft_is_the_applicants_alone_marked_and_counted(world: World, draft: Application) -> None:
    answer = fetched(world.client("applicant"), url(draft, "docx"), {"draft": "1"})
    word = WordFile(io.BytesIO(content(answer)))
    assert "草稿" in "".join(one.text for one in word.sections[0].header.paragraphs)
    headings = [one.text for one in word.paragraphs if one.style.name == "Heading 2"]
    assert headings[0] == f"示范启示（{len(INSIGHT)} 字，不超过 50 字）"
    assert headings[3].endswith("（210 字，200—400 字）")
    assert world.client("city_handler").get(url(draft)).status_code == 404


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"insight": "长" * 51}, "too_long"),
        ({"introduction": "长" * 201}, "too_long"),
        ({"highlight_2": "太短了吧"}, "too_short"),
        ({"highlight_2": "这个题目实在是太长太长了"}, "too_long"),
        ({"highlight_3_text": "短" * 199}, "too_short"),
        ({"highlight_3_text": "长" * 401}, "too_long"),
    ],
)
def test_what_is_too_long_or_too_short_cannot_be_declared(
    world: World, draft: Application, given: dict[str, str], code: str
) -> None:
    assert not reads.draft_of(draft, reads.form_of(draft)).problems
    write(world, draft, **given)
    found = reads.draft_of(draft, reads.form_of(draft)).problems
    assert [(one.path, one.code) for one in found] == [(f"experience.{next(iter(given))}", code)]


def test_the_case_file_as_zip_has_it(world: World, declared: Application) -> None:
    address = reverse("applications:dossier-zip", args=[declared.reference])
    client = world.client("applicant")
    client.get(address)
    filled_in = fetched(client, address)  # the report first, then this one
    while filled_in.status_code == 202:
        filled_in = fetched(client, address)
    names = zipfile.ZipFile(io.BytesIO(content(filled_in))).namelist()
    assert [name for name in names if name.startswith("02-") and "典型经验报告" in name]


def test_a_form_without_one_says_so(world: World) -> None:
    filled.load_rules()
    case = filled.submitted(world, filled.open_call(world))
    answer = world.client("applicant").get(url(case))
    assert answer.status_code == 409
    page = world.client("applicant").get(reverse("applications:case", args=[case.reference])).content.decode()
    assert "experience.pdf" not in page


def test_the_page_leads_to_it_and_no_request_renders(
    world: World, declared: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(_html: str) -> bytes:
        raise AssertionError("a web request renders a PDF")

    monkeypatch.setattr(documents._child, "render", render)
    client = world.client("city_handler")
    page = client.get(reverse("applications:case", args=[declared.reference])).content.decode()
    assert url(declared) in page and url(declared, "docx") in page
    answer = client.get(url(declared))
    assert answer.status_code == 202 and 'id="rendering"' in answer.content.decode()
    assert RenderJob.objects.filter(kind=experience.KIND).count() == 1


def test_a_large_photograph_is_printed_small_and_a_paper_only_named(world: World, draft: Application) -> None:
    out = io.BytesIO()
    Image.effect_noise((3000, 2000), 40).convert("RGB").save(out, "JPEG", quality=90)
    from django.core.files.uploadedfile import SimpleUploadedFile

    from greenlist.portal.demo.answers import PAPER

    for name, body, kind in (("大照片.jpg", out.getvalue(), "image/jpeg"), ("说明.pdf", PAPER, "application/pdf")):
        drafts.add_evidence(
            actor=world.actor("applicant"), at=filled.SPRING, reference=draft.reference,
            section="experience", field="highlight_1_pictures", upload=SimpleUploadedFile(name, body, kind),
        )  # fmt: skip
    paper = experience._with_pictures(experience.unfinished(draft))
    pictures = {one.name: one.content for part in paper.parts for one in part.pictures}
    small = pictures["大照片.jpg"]
    assert small is not None and max(Image.open(io.BytesIO(small)).size) == 1400
    assert pictures["说明.pdf"] is None
    word = WordFile(io.BytesIO(experience.content(experience.unfinished(draft), "docx")))
    assert "（附件：说明.pdf）" in [one.text for one in word.paragraphs]
