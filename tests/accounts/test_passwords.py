"""Forgotten passwords, changes that ask for the password, and what a stranger learns from them: nothing."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from greenlist.accounts import services
from greenlist.accounts.models import PasswordReset, User
from greenlist.core import outbox
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, TooMany
from tests import factories
from tests.factories import PASSWORD

NEW = "shan-qing-shui-xiu-9"


@pytest.fixture
def person(db):
    return factories.person("张测试", username="zhang", password=PASSWORD, email="zhang@example.com")


def link(message) -> tuple[str, str]:
    address = next(word for word in message.body.split() if "/password/new/" in word)
    uid, token = address.rstrip("/").split("/")[-2:]
    return uid, token


def ask(at, email: str = "zhang@example.com") -> None:
    services.request_reset(email=email, actor=ANONYMOUS, at=at)


def test_the_link_sets_a_new_password_once(person, now) -> None:
    ask(now)
    assert services.send_due_resets(at=now) == 1
    assert "zhang" in mail.outbox[0].body
    uid, token = link(mail.outbox[0])
    assert services.user_of_link(uid, token) == person
    services.reset_password(uid=uid, token=token, password=NEW, actor=ANONYMOUS, at=now)
    person.refresh_from_db()
    assert person.check_password(NEW)
    with pytest.raises(services.LinkUsed):
        services.reset_password(uid=uid, token=token, password=NEW, actor=ANONYMOUS, at=now)


@pytest.mark.parametrize(("uid", "token"), [("", "x"), ("MQ", "x"), ("??", "?"), ("9" * 300, "x"), ("LTE", "a-b")])
def test_every_wrong_link_has_the_same_answer(person, uid: str, token: str) -> None:
    with pytest.raises(services.LinkUsed):
        services.user_of_link(uid, token)


@pytest.mark.case("AU-10")
def test_three_mails_an_hour_however_often_one_asks(person, now) -> None:
    for second in range(50):
        ask(now + timedelta(milliseconds=25 * second))
    for _round in range(3):
        services.send_due_resets(at=now + timedelta(seconds=5))
    assert len(mail.outbox) == 3
    ask(now + timedelta(hours=2))
    services.send_due_resets(at=now + timedelta(hours=2))
    assert len(mail.outbox) == 4


@pytest.mark.case("AU-10")
def test_whoever_asks_all_day_for_another_s_address_does_not_keep_the_owner_out(person, now) -> None:
    """Mails are counted, not questions: with an attacker asking every ten minutes the owner still gets a link an hour."""
    for minutes in range(0, 6 * 60, 10):
        moment = now + timedelta(minutes=minutes)
        ask(moment)
        services.send_due_resets(at=moment)
    assert len(mail.outbox) == 18
    later = now + timedelta(hours=6, minutes=1)
    ask(later)
    services.send_due_resets(at=later)
    assert len(mail.outbox) == 19


@pytest.mark.case("AU-10")
def test_a_caller_with_many_ipv6_addresses_is_one(person, now) -> None:
    for number in range(80):
        actor = Actor(capacity=Capacity.PUBLIC, remote=f"2001:db8:1:2::{number:x}")
        services.request_reset(email=f"nobody{number}@example.com", actor=actor, at=now)
    assert PasswordReset.objects.count() == 60


@pytest.mark.case("AU-10")
def test_one_caller_cannot_fill_the_table(person, now) -> None:
    for number in range(200):
        ask(now, f"nobody{number}@example.com")
    assert PasswordReset.objects.count() == 60


@pytest.mark.case("AU-10")
def test_two_hundred_tries_get_one_and_the_same_answer(person, client, now) -> None:
    """To one account, in any spelling, and to many: what comes back never changes, three mails go out."""
    with time_machine.travel(now, tick=False):
        answers = set()
        for number in range(200):
            email = (
                f"nobody{number}@example.com"
                if number % 2
                else ("ZHANG@example.com", "zhang@example.com")[number % 4 > 0]
            )
            answer = client.post("/account/password/forgotten/", {"email": email})
            answers.add((answer.status_code, answer.headers["Location"]))
        assert answers == {(302, "/account/password/forgotten/sent/")}
        for _round in range(3):
            services.send_due_resets(at=now)
    assert len(mail.outbox) == 3


@pytest.mark.case("AU-01")
def test_the_answer_is_the_same_whether_the_account_exists(person, client, now, django_assert_num_queries) -> None:
    answers = []
    for email in ("zhang@example.com", "nobody@example.com"):
        with django_assert_num_queries(2):  # the same work: a count and one row
            services.request_reset(email=email, actor=ANONYMOUS, at=now)
        response = client.post("/account/password/forgotten/", {"email": email}, follow=True)
        answers.append((response.status_code, response.redirect_chain, len(response.content)))
    assert answers[0] == answers[1]
    services.send_due_resets(at=now)
    assert {message.to[0] for message in mail.outbox} == {"zhang@example.com"}
    assert not PasswordReset.objects.filter(done_at=None, requested_at=now).exists()


def test_closed_accounts_get_no_link(person, now) -> None:
    person.is_active = False
    person.save()
    ask(now)
    assert services.send_due_resets(at=now) == 0


def test_a_lost_mail_is_tried_again_after_the_lease(person, now, monkeypatch) -> None:
    ask(now)
    with monkeypatch.context() as broken:
        broken.setattr(
            "django.core.mail.EmailMessage.send", lambda self: (_ for _ in ()).throw(ConnectionError("down"))
        )
        assert services.send_due_resets(at=now) == 0
    assert services.send_due_resets(at=now + timedelta(minutes=1)) == 0
    assert services.send_due_resets(at=now + timedelta(minutes=6)) == 1


@pytest.mark.case("AU-06")
def test_e_mail_and_password_ask_for_the_password(person, now) -> None:
    actor = ANONYMOUS.__class__(capacity=ANONYMOUS.capacity, user_id=person.pk)
    wanted = {"user_id": person.pk, "email": "new@example.com", "phone": "13800000001", "actor": actor, "at": now}
    services.change_contact(current=PASSWORD, **wanted)
    with pytest.raises(Invalid) as wrong:
        services.change_contact(current="nonsense", **wanted | {"email": "x@example.com", "phone": "13900000000"})
    assert "current" in wrong.value.problems
    with pytest.raises(Invalid):
        services.change_password(user_id=person.pk, current="nonsense", password=NEW, actor=actor, at=now)
    with pytest.raises(NotAllowed):
        services.change_password(user_id=person.pk, current=PASSWORD, password=NEW, actor=ANONYMOUS, at=now)
    person.refresh_from_db()
    assert (person.email, person.phone) == ("new@example.com", "13800000001")
    assert person.check_password(PASSWORD)


def attacker(person) -> Actor:
    """Somebody who has taken the person's session over and does not know the password."""
    return Actor(capacity=Capacity.NONE, user_id=person.pk, remote="198.51.100.7")


TRIES = {
    "contact": lambda person, now, word: services.change_contact(
        user_id=person.pk, email="x@example.com", phone="", current=word, actor=attacker(person), at=now
    ),
    "password": lambda person, now, word: services.change_password(
        user_id=person.pk, current=word, password=NEW, actor=attacker(person), at=now
    ),
    "second factor": lambda person, now, word: services.enrol(
        user_id=person.pk,
        ticket=services.new_ticket(user_id=person.pk, at=now),
        current=word,
        code="000000",
        actor=attacker(person),
        at=now,
        keep=0,
    ),
    "recovery codes": lambda person, now, word: services.new_recovery_codes(
        user_id=person.pk, current=word, code="000000", actor=attacker(person), at=now
    ),
}


@pytest.mark.case("AU-06")
@pytest.mark.parametrize("field", TRIES)
def test_the_current_password_cannot_be_found_out_by_trying(person, now, field: str) -> None:
    """Inside a session too: ten tries an hour, then not even the right one counts (MLPS 8.1.4.1.b, 6.3.1)."""
    for number in range(10):
        with pytest.raises(Invalid):
            TRIES[field](person, now, f"guess-{number}")
    for one in TRIES:  # one count for all the fields that ask for it
        with pytest.raises(TooMany):
            TRIES[one](person, now, PASSWORD)
    person.refresh_from_db()
    assert person.email == "zhang@example.com"
    assert person.check_password(PASSWORD)
    TRIES["contact"](person, now + timedelta(hours=1), PASSWORD)  # the owner, later


@pytest.mark.case("AU-06")
def test_a_changed_address_is_told_to_the_former_one(person, now) -> None:
    """The new one may be read by whoever took the account over."""
    TRIES["contact"](person, now, PASSWORD)
    outbox.sweep(at=now)
    assert sorted(message.to[0] for message in mail.outbox) == ["x@example.com", "zhang@example.com"]


@pytest.mark.case("AU-06")
def test_an_address_that_an_administrator_changed_is_told_too(world, now) -> None:
    """With it a link for a new password can be had: the person must hear of it."""
    person = User.objects.get(pk=world.user("city_handler").pk)
    User.objects.filter(pk=person.pk).update(email="office@example.com")
    person.email = "elsewhere@example.com"
    services.change_person(user=person, actor=world.actor("security_administrator"), at=now)
    outbox.sweep(at=now)
    assert sorted(message.to[0] for message in mail.outbox) == ["elsewhere@example.com", "office@example.com"]


@pytest.mark.case("AU-11")
@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("绿" * 63 + "山", True),
        ("  leading and trailing blanks ", True),
        ("password1234", False),
        ("123456789012345", False),
        ("zhangceshi-wang", True),
        ("kurz", False),
        ("wangxiaoming", False),
    ],
)
def test_passwords_are_judged_by_strength_not_by_shape(db, now, password: str, fine: bool) -> None:
    fields = {"name": "王小明", "email": "wang@example.com", "phone": "", "actor": ANONYMOUS, "at": now}
    if fine:
        user = services.register(username="wangxiaoming", password=password, **fields)
        assert user.check_password(password)
        return
    with pytest.raises(Invalid) as weak:
        services.register(username="wangxiaoming", password=password, **fields)
    assert weak.value.problems["password"]


def test_user_names_are_one_whatever_their_width_and_case(db, now) -> None:
    fields = {"name": "王", "email": "w@example.com", "phone": "", "password": NEW, "actor": ANONYMOUS, "at": now}
    services.register(username="Ｗang.Li", **fields)
    with pytest.raises(services.UsernameTaken) as taken:
        services.register(username="wang.li", **fields)
    assert "username" in taken.value.problems
