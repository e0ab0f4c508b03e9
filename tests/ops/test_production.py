"""Production for real: gunicorn, worker and beat as docker-compose.yml starts them, on PostgreSQL and Redis."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.ops import portal, production
from tests.ops.production import HOST, Answer, Site

pytestmark = [pytest.mark.ops, pytest.mark.full, pytest.mark.once, pytest.mark.timeout(400)]


def it_becomes_ready_and_tells_strangers_nothing(site: Site) -> None:
    assert site.get("/livez").body == "ok"
    answer = site.until(lambda: (found := site.get("/readyz")).status == 200 and found, "ready")
    assert set(answer.body) <= set('{}": ,_abcdefghijklmnopqrstuvwxyz')


PAGES = {"/": 200, "/account/login/": 200, "/work/": 302, "/nowhere": 404, "/metrics": 404}


def every_answer_of_the_real_server_is_guarded(site: Site) -> None:
    for path, status in PAGES.items():
        answer = site.get(path)
        assert answer.status == status
        is_guarded(answer)


def is_guarded(answer: Answer) -> None:
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
    assert not re.search(r"[\d.]{3,}", answer.headers.get("server", ""))


def a_forged_host_and_plain_http_get_nothing(site: Site) -> None:
    assert site.get("/", Host="elsewhere.example").status == 400
    plain = site.get("/account/login/", X_Forwarded_Proto="http")
    assert (plain.status, plain.headers["location"]) == (301, f"https://{HOST}/account/login/")


def cookies_are_bound_to_host_and_tls(site: Site) -> None:
    site.get("/account/login/")
    for name, cookie in site.cookies.items():
        assert name.startswith("__Host-")
        assert cookie["secure"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]


def static_files_are_there_and_kept_by_browsers(site: Site) -> None:
    (style,) = (
        re.findall(r'href="(/static/css/main[^"]*\.css)"', site.get("/").body)[:1]
        or re.findall(r'href="(/static/[^"]+\.css)"', site.get("/").body)[:1]
    )
    answer = site.get(style)
    assert answer.status == 200
    assert "immutable" in answer.headers["cache-control"]


def one_id_leads_from_the_page_through_the_task_into_the_mail(site: Site) -> None:
    """Somebody signs in, then again from another device; the owner is told by a mail that the worker sends."""
    production.python(
        "from greenlist.accounts.models import User\n"
        "User.objects.create_user('owner', 'a-long-password-7', name='测试', email='owner@example.com')",
        site.env,
    )
    ids = []
    for _device in range(2):
        site.cookies.clear()
        form = site.get("/account/login/")
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.body)[0]
        words = {"csrfmiddlewaretoken": token, "username": "owner", "password": "a-long-password-7"}
        answer = site.post("/account/login/", urlencode(words))
        assert answer.status == 302
        ids.append(answer.headers["x-request-id"])
    site.cookies.clear()
    mail = site.until(lambda: next((one for one in site.mails.taken if "owner@example.com" in one), ""), "a mail")
    (named,) = re.findall(r"^X-Request-Id: (\w+)", mail, re.MULTILINE)
    assert named in ids
    assert re.search(r"^Message-ID: <notification-\d+@greenlist>", mail, re.MULTILINE)

    web = [line for line in site.lines("web") if line["request"] == named]
    assert any(line["message"].startswith("POST accounts:login") for line in web)
    ran = site.until(lambda: [line for line in site.lines("worker") if line["request"] == named], "the worker's log")
    assert any("sweep_outbox" in line["message"] for line in ran)


def every_line_of_the_logs_is_one_object_with_its_moment(site: Site) -> None:
    site.get("/")
    for name in ("web", "worker", "beat"):
        text = site.log(name).read_text(errors="replace")
        found = site.lines(name)
        assert found, name
        assert all(line["at"].endswith("+00:00") for line in found)
        if name == "web":  # Celery greets in plain text before its logging starts
            assert len(found) == len(text.splitlines()), text
        assert "a-long-password-7" not in "".join(line["message"] for line in found)
        assert "sample-for-the-deployment-check" not in text


def the_figures_of_all_web_processes_are_added_up(site: Site) -> None:
    for _ in range(20):
        site.get("/account/login/")
    answer = site.get("/metrics", Authorization="Bearer token-of-the-monitoring")
    assert answer.status == 200
    counted = re.findall(
        r'greenlist_request_seconds_count\{method="GET",route="accounts:login",status="2xx"\} ([\d.]+)', answer.body
    )
    assert float(counted[0]) >= 20
    assert 'greenlist_queue_messages{queue="celery"}' in answer.body
    assert "greenlist_broker_up 1.0" in answer.body
    jobs = set(re.findall(r'greenlist_job_overdue\{job="([\w-]+)"\} 0.0', answer.body))
    assert {"sweep-outbox", "anchor-chains"} <= jobs


def the_scheduler_and_the_worker_beat(site: Site) -> None:
    def beaten() -> bool:
        said = site.get("/metrics", Authorization="Bearer token-of-the-monitoring").body
        found = re.findall(r'greenlist_job_success_timestamp_seconds\{job="sweep-documents"\} ([\d.e+]+)', said)
        return float(found[0]) > 0

    site.until(beaten, "the shortest job of the schedule")


def the_installation_says_what_it_lacks(site: Site) -> None:
    done = portal.manage("check_config", env=site.env)
    assert done.returncode != 0
    assert "backup.none" in done.stdout
    assert "check.security" not in done.stdout
    deployed = portal.manage("check", "--deploy", "--fail-level", "WARNING", env=site.env)
    assert deployed.returncode == 0, deployed.stderr


def each_process_ends_on_request_and_in_order(site: Site) -> None:
    assert site.stop("beat") == 0
    assert site.stop("worker") == 0
    assert site.stop("web") == 0
    for name in ("web", "worker", "beat"):
        traces = [line["trace"] for line in site.lines(name) if "trace" in line]
        assert not [trace for trace in traces if "DisallowedHost" not in trace]


STEPS = (
    it_becomes_ready_and_tells_strangers_nothing,
    every_answer_of_the_real_server_is_guarded,
    a_forged_host_and_plain_http_get_nothing,
    cookies_are_bound_to_host_and_tls,
    static_files_are_there_and_kept_by_browsers,
    one_id_leads_from_the_page_through_the_task_into_the_mail,
    every_line_of_the_logs_is_one_object_with_its_moment,
    the_figures_of_all_web_processes_are_added_up,
    the_scheduler_and_the_worker_beat,
    the_installation_says_what_it_lacks,
    each_process_ends_on_request_and_in_order,
)


@pytest.mark.case("OP-01", "OP-02", "OP-05", "OP-06", "OP-07", "AU-09", "BG-11")
def test_production_for_real(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    """One test of many steps: the processes take longer to start than to be asked."""
    with production.site(tmp_path, postgres_url, redis_url) as site:
        for step in STEPS:
            print(step.__name__)  # which one, when it fails
            step(site)
