"""The admin: rules by upload with every mistake shown, versions read only, calendar days kept by year."""

import io
import zipfile
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from greenlist.policy import selectors
from greenlist.policy.models import CalendarDay, CalendarYear, RuleSetVersion
from tests.policy.conftest import FIXTURES, files_of

pytestmark = pytest.mark.django_db
ADD = "admin:policy_rulesetversion_add"


@pytest.fixture
def admin(world):
    call_command("load_policies", stdout=io.StringIO())
    return world.client("administrator")


def policy_file(old="", new=""):
    text = (FIXTURES / "policies/qinhuangdao/policy.toml").read_text(encoding="utf-8")
    return text.replace(old, new, 1).encode() if old else text.encode()


def upload(client, name, content, **data):
    return client.post(reverse(ADD), {"file": SimpleUploadedFile(name, content), **data})


def number():
    return selectors.current("qinhuangdao").number


def test_a_changed_file_becomes_the_next_version(admin):
    before = number()
    assert upload(admin, "policy.toml", policy_file("days = 5", "days = 6")).status_code == 302
    assert number() == before + 1
    assert selectors.current("qinhuangdao").loaded_by


def test_a_zip_of_a_whole_rule_set(admin):
    before = number()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files_of("qinhuangdao").items():
            archive.writestr(f"qinhuangdao/{name.split('/')[-1]}", content.replace(b"days = 5", b"days = 8"))
    assert upload(admin, "rules.zip", packed.getvalue()).status_code == 302
    assert number() == before + 1


def test_all_mistakes_are_shown_and_nothing_is_stored(admin):
    broken = policy_file("days = 5", "days = 0").replace(b'clause = "QHD-9"', b'clause = "QHD-99"')
    answer = upload(admin, "policy.toml", broken)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "step.notice.notice.days" in page and "step.panel.clause" in page
    assert number() == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [("clauses.toml", b"x"), ("rules.exe", b"x"), ("policy.toml", b"x" * (2 * 1024 * 1024 + 1))],
)
def test_what_is_no_rule_file_is_refused_by_the_form(admin, name, content):
    answer = upload(admin, name, content)
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_a_bomb_in_a_zip_is_refused(admin):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("policy.toml", b"0" * (50 * 1024 * 1024))
    answer = upload(admin, "rules.zip", packed.getvalue())
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_a_stored_version_is_read_with_its_files_and_never_written(admin):
    version = RuleSetVersion.objects.get(rule_set__slug="qinhuangdao")
    page = admin.get(reverse("admin:policy_rulesetversion_change", args=[version.pk]))
    assert page.status_code == 200
    assert "QHD-10b" in page.content.decode()
    address = reverse("admin:policy_rulesetversion_change", args=[version.pk])
    assert admin.post(address, {"number": 9}).status_code == 403
    assert admin.post(reverse("admin:policy_rulesetversion_delete", args=[version.pk])).status_code == 403


@pytest.mark.authz
def test_only_the_administrator_enters(admin, world):
    assert admin.get(reverse(ADD)).status_code == 200
    for character in ("city_approver", "applicant", "anonymous"):
        client = world.client(character)
        assert client.get(reverse(ADD)).status_code in {302, 403, 404}
        assert upload(client, "policy.toml", policy_file("days = 5", "days = 6")).status_code in {302, 403, 404}
    assert number() == 1


def test_calendar_days_are_kept_and_filtered_by_year(admin):
    call_command("load_calendar", stdout=io.StringIO())
    listed = admin.get(reverse("admin:policy_calendarday_changelist"), {"year": "2026"})
    assert {row.day.year for row in listed.context["cl"].result_list} == {2026}
    added = admin.post(reverse("admin:policy_calendarday_add"), {"day": "2027-01-01", "working": "", "name": "元旦"})
    assert added.status_code == 302
    day = CalendarDay.objects.get(day=date(2027, 1, 1))
    assert (day.working, day.name) == (False, "元旦")
    admin.post(reverse("admin:policy_calendarday_delete", args=[day.pk]), {"post": "yes"})
    assert not CalendarDay.objects.filter(day=date(2027, 1, 1)).exists()


def test_a_year_is_confirmed_in_the_admin(admin):
    data = {"year": "2027", "confirmed": "on", "source": "国务院办公厅"}
    assert admin.post(reverse("admin:policy_calendaryear_add"), data).status_code == 302
    assert CalendarYear.objects.get(year=2027).confirmed
    assert 2027 in selectors.calendar().confirmed


def test_a_criteria_set_goes_out_as_a_workbook_and_comes_back(admin):
    template = admin.get(reverse("admin:policy_criteria_template"), {"set": "factory-2025"})
    assert template.status_code == 200
    page = reverse("admin:policy_criteriasetversion_add")
    assert reverse("admin:policy_criteria_template") in admin.get(page).content.decode()
    file = SimpleUploadedFile("criteria.xlsx", template.content)
    assert admin.post(page, {"file": file}).status_code == 302
    broken = SimpleUploadedFile("criteria.xlsx", b"PK\x03\x04")
    assert admin.post(page, {"file": broken}).status_code == 422
