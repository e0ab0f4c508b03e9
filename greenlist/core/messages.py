"""The words of notifications, by kind; params are filled in, the language is the reader's (Chinese in mails)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from greenlist.core.dates import readable

# kind → (subject, body). Params: see where each is sent.
KINDS = {
    "cultivation.asked": (
        _("Asks to be cultivated: %(name)s"),
        _("%(name)s asks to be taken into the cultivation library. Please look at it."),
    ),
    "cultivation.invited": (
        _("Invitation to apply: %(name)s"),
        _(
            "%(authority)s invites %(name)s to apply. The open calls and a draft that starts from what is known are here."
        ),
    ),
    "cultivation.matched": (
        _("Matched: %(name)s and %(body)s"),
        _("%(authority)s has brought %(name)s and %(body)s together for its cultivation."),
    ),
    "cultivation.progress": (
        _("Progress noted: %(name)s"),
        _("%(name)s has noted what it has done as a cultivation object."),
    ),
    "cultivation.taken_up": (
        _("In the cultivation library: %(name)s"),
        _("%(authority)s cultivates %(name)s on its way to the list. Plan and targets are here."),
    ),
    "cultivation.visit_planned": (
        _("Visit planned: %(day)s"),
        _("%(authority)s plans to come to %(name)s on %(day)s to give guidance on site."),
    ),
    "cultivation.visit_recorded": (
        _("Visit recorded: %(day)s"),
        _("%(authority)s has written down what was advised at %(name)s on %(day)s."),
    ),
    "experience.outstanding": (
        _("Outstanding: %(title)s"),
        _("The province has marked the typical experience “%(title)s” of %(name)s as outstanding."),
    ),
    "experience.published": (
        _("Published: %(title)s"),
        _("The typical experience “%(title)s” of %(name)s is on the public page."),
    ),
    "experience.recommended": (
        _("Typical experience recommended: %(title)s"),
        _("%(authority)s recommends the typical experience “%(title)s”."),
    ),
    "showing.taken_down": (
        _("Taken down from your public page: %(name)s"),
        _("%(authority)s has taken a part of the public page of %(name)s down: %(reason)s"),
    ),
    "filing.to_sign": (
        _("To sign: cultivation filing %(year)s"),
        _("The filing of cultivation of %(authority)s for %(year)s awaits your signature."),
    ),
    "filing.sent": (
        _("Filed: %(authority)s, %(year)s"),
        _("%(authority)s has filed its cultivation of %(year)s. Please receive it."),
    ),
    "filing.received": (
        _("Filing received: %(number)s"),
        _("The filing of cultivation of %(authority)s for %(year)s was received under the number %(number)s."),
    ),
    "training.offered": (
        _("Training: %(title)s"),
        _("%(authority)s offers “%(title)s” on %(day)s. Sign up in the portal."),
    ),
    "training.cancelled": (
        _("Cancelled: %(title)s"),
        _("%(authority)s has cancelled “%(title)s” of %(day)s."),
    ),
    "call.opened": (_("A call is open: %(title)s"), _("%(authority)s has opened “%(title)s”. Apply in the portal.")),
    "call.extended": (_("A date was moved: %(title)s"), _("%(what)s is now %(day)s. Reason: %(reason)s")),
    "document.ready": (_("Ready: %(title)s"), _("The document you asked for is made: %(title)s. Open it from here.")),
    "case.submitted": (_("Submitted: %(name)s"), _("%(name)s has submitted application %(number)s.")),
    "case.returned": (
        _("Please correct: %(number)s"),
        _("%(authority)s asks you to correct %(count)s field(s): %(reason)s"),
    ),
    "case.resubmitted": (_("Corrected: %(name)s"), _("%(name)s has corrected application %(number)s.")),
    "case.passed": (_("Passed review: %(number)s"), _("Your application has passed the review of %(authority)s.")),
    "case.to_sign": (_("To sign: %(name)s"), _("The review of %(name)s (%(number)s) awaits your signature.")),
    "case.not_signed": (
        _("Not signed: %(name)s"),
        _("The review of %(name)s (%(number)s) was sent back to you: %(reason)s"),
    ),
    "case.rejected": (
        _("Not recommended: %(number)s"),
        _("%(authority)s does not recommend your application. Reasons: %(reason)s"),
    ),
    "case.recommended": (_("Recommended: %(number)s"), _("%(authority)s has recommended your application to %(to)s.")),
    "case.taken_back": (
        _("Recommendation taken back: %(number)s"),
        _("%(authority)s has taken its recommendation of your application back for now; it waits there again."),
    ),
    "case.return_taken_back": (
        _("Request for correction taken back: %(number)s"),
        _("%(authority)s goes on with the review of your application; nothing needs to be corrected."),
    ),
    "case.reminded": (
        _("Reminder: please correct %(number)s"),
        _("%(authority)s reminds you of its request for correction: %(reason)s"),
    ),
    "yearly.opened": (
        _("Due: %(title)s"),
        _("%(authority)s asks for your table “%(title)s” by %(day)s, that day included."),
    ),
    "yearly.filed": (_("To review: %(name)s"), _("“%(title)s” of %(name)s waits for your review.")),
    "yearly.returned": (
        _("Please correct: %(title)s"),
        _("%(authority)s returns “%(title)s”; answer by %(day)s. %(reason)s"),
    ),
    "yearly.recommended": (
        _("Recommended: %(name)s"),
        _("%(authority)s has reviewed “%(title)s” of %(name)s and recommends the unit."),
    ),
    "yearly.accepted": (_("Accepted: %(title)s"), _("%(authority)s has accepted your table “%(title)s”.")),
    "yearly.chased": (
        _("Reminder: %(title)s"),
        _("%(authority)s reminds you of “%(title)s”; the last day is %(day)s."),
    ),
    "rectification.ordered": (
        _("To be put right: %(name)s"),
        _("%(name)s must put something right by %(day)s: %(reason)s"),
    ),
    "rectification.handed_in": (_("Put right: %(name)s"), _("%(name)s has handed in what it put right.")),
    "rectification.accepted": (_("Accepted: %(name)s"), _("What %(name)s put right has been accepted.")),
    "rectification.refused": (
        _("Not accepted yet: %(name)s"),
        _("What was handed in does not do; it is open again until %(day)s: %(reason)s"),
    ),
    "change.reported": (_("A change to verify: %(name)s"), _("%(name)s has reported a change. Please verify it.")),
    "change.returned": (
        _("Please complete: change of %(name)s"),
        _("%(authority)s asks you to complete what you reported: %(reason)s"),
    ),
    "change.to_confirm": (_("To confirm: change of %(name)s"), _("The change of %(name)s awaits your confirmation.")),
    "change.handed_back": (
        _("Handed back: change of %(name)s"),
        _("Your verification of the change of %(name)s was handed back: %(reason)s"),
    ),
    "change.decided": (
        _("Your change: %(outcome)s"),
        _("%(authority)s has decided on the change of %(name)s: %(outcome)s."),
    ),
    "change.to_settle": (
        _("Confirmed change: %(name)s"),
        _("%(authority)s has confirmed a change of %(name)s. Publish it, or let the list follow."),
    ),
    "inspection.planned": (
        _("A visit is planned: %(name)s"),
        _("%(authority)s will come to %(name)s on %(day)s: %(what)s."),
    ),
    "inspection.carried_out": (
        _("Inspection recorded: %(name)s"),
        _("%(authority)s has recorded its inspection of %(name)s on %(day)s. You can read what was found."),
    ),
    # Of reports from the public: the number only, never a name, a unit or a word of the report (R6).
    "tip.received": (
        _("A report from the public: %(receipt)s"),
        _("Report %(receipt)s has come in. Name who handles it."),
    ),
    "tip.named": (
        _("You handle report %(receipt)s"),
        _("You were named to handle report %(receipt)s. Only those named can open who it is from."),
    ),
    "tip.proposed": (_("To decide: report %(receipt)s"), _("An outcome of report %(receipt)s awaits your decision.")),
    "tip.handed_back": (
        _("Handed back: report %(receipt)s"),
        _("Your proposal on report %(receipt)s was handed back."),
    ),
    "tip.decided": (_("Decided: report %(receipt)s"), _("The outcome of report %(receipt)s has been decided.")),
    "tip.looks": (
        _("Many looks behind reports: %(person)s"),
        _("%(person)s has opened who reports are from %(count)s times within an hour. The last was %(receipt)s."),
    ),
    "hits.found": (
        _("New findings: %(first)s"),
        _("The checks found %(count)s new point(s) that your authority must answer. The first: %(first)s."),
    ),
    "hit.to_agree": (
        _("A waiver awaits your agreement: %(name)s"),
        _("%(person)s proposes to set a finding about %(name)s aside (%(clause)s). Reason: %(reason)s"),
    ),
    "case.withdrawn": (_("Withdrawn: %(name)s"), _("%(name)s has withdrawn application %(number)s.")),
    "case.listed": (
        _("Listed: %(name)s"),
        _("%(name)s is on the list: %(announcement)s. The certificate is in your case file."),
    ),
    "case.not_listed": (_("Not listed: %(number)s"), _("Your application was not listed. Reasons: %(reason)s")),
    "batch.to_sign": (_("A recommendation awaits your signature"), _("%(authority)s: %(count)s unit(s), %(title)s.")),
    "batch.handed_back": (_("A recommendation was handed back"), _("%(title)s: %(reason)s")),
    "batch.received": (_("A recommendation has arrived"), _("%(authority)s recommends %(count)s unit(s): %(title)s.")),
    "batch.unit_returned": (_("A recommended unit was returned"), _("%(name)s: %(reason)s")),
    "panel.invited": (_("You are asked to review"), _("%(title)s: %(count)s application(s). Sign the pledge first.")),
    "imported.complete": (
        _("A published list is said to be complete"),
        _(
            "%(person)s proposes that %(title)s is complete: who is not in it was not listed. Please confirm or leave it."
        ),
    ),
    "panel.commissioned": (
        _("Your body is commissioned with a review"),
        _("%(authority)s, %(title)s: name the people who review."),
    ),
    "panel.people_named": (_("A commissioned body has named its people"), _("%(body)s, %(title)s: %(count)s.")),
    "panel.seat_given_up": (_("An expert gave up the seat"), _("%(name)s, %(title)s. Reason: %(reason)s")),
    "panel.watch": (_("You are asked to supervise a panel"), _("%(title)s: you can read how it goes and leave notes.")),
    "panel.all_locked": (_("All score sheets are locked"), _("%(title)s: the conclusion can be written.")),
    "consultation.letter_to_approve": (
        _("A letter to departments awaits your approval"),
        _("%(title)s: %(count)s unit(s)."),
    ),
    "consultation.conclusion_to_approve": (
        _("A conclusion on departments' opinions awaits your approval"),
        _("%(title)s: %(count)s unit(s)."),
    ),
    "consultation.handed_back": (_("A consultation was handed back"), _("%(title)s: %(reason)s")),
    "consultation.asked": (
        _("You are asked for an opinion: %(title)s"),
        _("%(authority)s asks for your opinion on %(count)s unit(s). Answer by %(day)s, that day included."),
    ),
    "consultation.near": (
        _("An opinion is due: %(title)s"),
        _("%(authority)s waits for your answer; last day %(day)s, %(days)s day(s) left."),
    ),
    "consultation.overdue": (
        _("No answer by the last day: %(office)s"),
        _("%(title)s: the last day to answer was %(day)s. An answer still counts until the consultation is concluded."),
    ),
    "consultation.answered": (
        _("All departments have answered"),
        _("%(title)s: the conclusion can be written."),
    ),
    "consultation.unit_returned": (_("A unit came back from the consultation"), _("%(name)s: %(reason)s")),
    "decision.to_approve": (_("A proposed list awaits your approval"), _("%(title)s: %(count)s unit(s).")),
    "decision.handed_back": (_("A proposed list was handed back"), _("%(title)s: %(reason)s")),
    "notice.published": (_("Public notice of your application"), _("%(title)s, from %(starts)s to %(ends)s.")),
    "notice.closed": (_("A notice period is over"), _("%(title)s is over; %(held)s unit(s) are held by objections.")),
    "guidance.planned": (_("A visit on site is planned"), _("%(name)s: %(day)s.")),
    "guidance.recorded": (_("Advice from the visit on site"), _("%(name)s: the visit of %(day)s is recorded.")),
    "announcement.correction": (_("A correction awaits your approval"), _("%(title)s: %(reason)s")),
    "announcement.corrected": (
        _("The printed list was corrected: %(name)s"),
        _("%(title)s was corrected. Reason: %(reason)s"),
    ),
    "announcement.to_approve": (_("An announcement awaits your approval"), _("%(title)s is ready to be published.")),
    "bulletin.to_approve": (_("A bulletin awaits your approval"), _("%(title)s is ready to be published.")),
    "bulletin.removed": (
        _("Removed from the list: %(name)s"),
        _("%(name)s was taken off %(list)s: %(title)s. Reason: %(reason)s"),
    ),
    "bulletin.changed": (
        _("Changed on the list: %(name)s"),
        _("What is printed about %(name)s on %(list)s was changed: %(title)s. Reason: %(reason)s"),
    ),
    "removal.proposed": (
        _("A removal is proposed: %(name)s"),
        _("%(name)s (%(clause)s): %(reason)s. Look at it, ask the unit, or let it drop."),
    ),
    "removal.answered": (_("A unit answered: %(name)s"), _("%(name)s has answered what is held against it.")),
    "removal.to_decide": (
        _("A removal awaits your decision"),
        _("%(name)s (%(clause)s): the conclusion is handed on."),
    ),
    "removal.to_drop": (
        _("A removal awaits your decision"),
        _("%(name)s (%(clause)s): it is proposed to let it drop."),
    ),
    "removal.unit_asked": (
        _("Please answer: a removal from the list is intended"),
        _("%(name)s: read what is held against you (%(clause)s) and answer until the end of %(day)s."),
    ),
    "removal.unit_suspended": (
        _("Suspended on the list: %(name)s"),
        _("%(name)s is suspended on %(list)s until it is decided. Reason: %(reason)s"),
    ),
    "removal.unit_decided": (
        _("Removal decided: %(name)s"),
        _("%(name)s is to be taken off the list (%(clause)s), with the announcement. Reasons: %(reason)s"),
    ),
    "removal.unit_requested": (
        _("A removal is asked for: %(name)s"),
        _("%(authority)s asks that %(name)s be taken off %(list)s (%(clause)s). Reasons: %(reason)s"),
    ),
    "removal.unit_dismissed": (
        _("%(name)s stays on the list"),
        _("The intended removal was dropped. Reasons: %(reason)s"),
    ),
    "incident.raised": (
        _("Alarm: %(kind)s, %(name)s"),
        _("%(name)s: %(kind)s, grade %(grade)s, at %(place)s. Please confirm that you have seen it."),
    ),
    "incident.followed": (_("News about an alarm: %(name)s"), _("%(name)s: %(text)s")),
    "upward.drafted": (
        _("A request to the authority above is drafted"),
        _("%(title)s. Look at the letter and hand it to the approver."),
    ),
    "upward.to_sign": (
        _("A request to the authority above awaits your signature"),
        _("%(title)s is ready to be sent."),
    ),
    "upward.sent": (_("An authority below asks: %(title)s"), _("%(authority)s has sent you a request: %(title)s.")),
    "upward.closed": (_("Your request was answered"), _("%(title)s: %(outcome)s")),
    "imported.to_approve": (_("A published list awaits your approval"), _("%(title)s: %(count)s line(s).")),
    "objection.received": (_("An objection was filed"), _("Against %(name)s in %(title)s. Receipt %(receipt)s.")),
    "objection.decided": (_("An objection was decided"), _("Receipt %(receipt)s: %(outcome)s.")),
    "organisation.claimed": (_("A firm asks to be confirmed"), _("%(name)s (%(code)s) waits for your confirmation.")),
    "organisation.confirmed": (_("Your organisation is confirmed"), _("%(name)s may now submit applications.")),
    "organisation.refused": (
        _("Your claim was refused: %(name)s"),
        _("The claim on %(name)s was refused. Reason: %(reason)s"),
    ),
    "body.registered": (
        _("A body asks for approval: %(name)s"),
        _("%(name)s asks to be let to evaluate in your area."),
    ),
    "body.approved": (_("Your body is approved"), _("%(authority)s has approved your body: it may take projects.")),
    "body.refused": (_("Your registration was refused"), _("%(authority)s has refused it. Reason: %(reason)s")),
    "body.banned": (
        _("Nothing of your body is accepted for a while"),
        _("%(authority)s accepts nothing of your body until %(until)s. Reason: %(reason)s"),
    ),
    "body.supervised": (_("A finding about a third-party body"), _("%(authority)s reports about %(name)s.")),
    "body.report_due": (
        _("The annual work report is due"),
        _("The work report to %(authority)s is due on %(day)s; %(days)s day(s) are left."),
    ),
    "case.body_banned": (
        _("The third-party body was banned: %(name)s"),
        _("%(body)s, on whose evaluation %(name)s rests, is under a ban until %(until)s."),
    ),
    "project.offered": (_("You are asked to evaluate: %(name)s"), _("%(name)s asks your body to evaluate it.")),
    "project.retracted": (_("An offer was taken back: %(name)s"), _("%(name)s has taken its offer back.")),
    "project.accepted": (_("The body has accepted: %(name)s"), _("%(body)s will evaluate %(name)s.")),
    "project.declined": (_("The body has declined: %(name)s"), _("%(body)s has declined. Reason: %(reason)s")),
    "project.released": (_("A report is open to you: %(name)s"), _("%(name)s has released its report to your body.")),
    "project.signed": (
        _("The body has signed: %(name)s"),
        _("%(body)s answers for the report of %(name)s as it stands. A later change makes that void."),
    ),
    "project.noted": (
        _("A suggestion of the body: %(name)s"),
        _("%(body)s has noted a suggestion or a follow-up for %(name)s."),
    ),
    "project.ended": (_("A project has ended: %(name)s"), _("%(name)s has ended the project. Reason: %(reason)s")),
    "project.ended_by_body": (
        _("The body has ended the project: %(name)s"),
        _("%(body)s has ended the project. Reason: %(reason)s"),
    ),
    "member.joined": (_("A colleague has joined"), _("%(name)s now works in %(organisation)s.")),
    "member.ending": (
        _("Work of an agent ends soon"),
        _("%(name)s works for %(organisation)s until %(day)s, that day included. An owner can prolong it."),
    ),
    "member.lapsed": (
        _("Work of an agent has ended"),
        _("The last day of %(name)s in %(organisation)s was %(day)s. An owner can prolong it."),
    ),
    "member.prolonged": (
        _("Your work goes on"),
        _("You work for %(organisation)s until %(day)s, that day included."),
    ),
    "account.locked": (
        _("Your account was locked for a while"),
        _(
            "Too many wrong passwords came from %(remote)s. From there nobody can sign in for 15 minutes; elsewhere you can."
        ),
    ),
    "account.new_device": (
        _("Signed in on a new device"),
        _(
            "Your account signed in with %(agent)s from %(remote)s at %(at)s. If it was not you, change your password "
            "and end that session under “Account”."
        ),
    ),
    "account.codes_wrong": (
        _("Wrong codes of the second factor"),
        _(
            "Somebody at %(remote)s knows your password and entered wrong codes. If it was not you, change your "
            "password now."
        ),
    ),
    "account.password_changed": (
        _("Your password was changed"),
        _("If it was not you, set a new one by “Forgotten password” and tell your administrator."),
    ),
    "account.contact_changed": (
        _("Your e-mail address or telephone was changed"),
        _("If it was not you, change your password and tell your administrator."),
    ),
    "account.token_made": (
        _("A token for programs was made: %(name)s"),
        _(
            "Until %(until)s a program with it acts in your name for %(capacity)s. If it was not you, revoke it under "
            "“Account” and change your password."
        ),
    ),
    "account.second_factor_on": (
        _("A second factor was set up"),
        _("From now on your account signs in with password and code. If it was not you, tell your administrator."),
    ),
    "account.second_factor_off": (
        _("The second factor was removed"),
        _("Your account has no second factor any more. If you do not know why, tell your administrator."),
    ),
    "account.recovery_used": (
        _("A recovery code was used"),
        _("%(left)s recovery codes are left. If it was not you, change your password now."),
    ),
    "account.recovery_renewed": (
        _("New recovery codes were made"),
        _("The former ones open nothing any more. If it was not you, change your password now."),
    ),
    "account.invited": (_("Invitation"), _("%(name)s invites you to work in %(organisation)s.")),
    "system.problems": (
        _("The system needs a look (%(digest)s)"),
        _("Points to look at: %(count)s. The first: %(first)s"),
    ),
    "digest.day": (_("Messages of the day: %(count)s"), _("What the portal has to tell you today:")),
    "deadline.near": (_("%(days)s day(s) left: %(title)s"), _("%(title)s ends on %(day)s.")),
    "deadline.passed": (
        _("Overdue: %(title)s"),
        _("%(title)s was due on %(day)s and is %(days)s day(s) late. Please see to it now."),
    ),
}

# Kinds that wait for nothing, neither for the morning nor for the day's one mail, and that nobody can switch off: what concerns
# the safety of one's account, and alarms whose clock runs (HLJ-33).
URGENT = ("account.", "incident.", "digest.")
# Kinds that may go out as a text message. Telephones lie on tables: their subjects tell dates and titles, never a reason,
# a contact or anything of a report.
SHORT = frozenset(
    {"deadline.near", "deadline.passed", "consultation.near", "body.report_due", "case.returned", "incident.raised"}
)


def is_urgent(kind: str) -> bool:
    return kind.startswith(URGENT)


class _Read:
    """Params as people read them: days are kept as 2026-05-20 and read as 2026年5月20日."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def __getitem__(self, name: str) -> object:
        return readable(self.params[name])


def _fill(text: Any, params: Mapping[str, Any]) -> str:
    return str(text) % _Read(params)


def subject_of(kind: str, params: Mapping[str, Any], language: str = "zh-hans") -> str:
    """One line; line breaks in a param cannot reach a mail header."""
    with translation.override(language):
        return " ".join(_fill(KINDS[kind][0], params).split())


def signed(body: str, *, name: str = "", language: str = "zh-hans") -> str:
    """The text of a mail: to whom, what, and from where; mails outlive the page on which they were caused."""
    with translation.override(language):
        greeting = _("%(name)s,") % {"name": name} if name else ""
        sender = _("Green Manufacturing Lists · %(url)s") % {"url": settings.PUBLIC_URL}
        last = _("This mail was sent by the portal itself; nobody reads an answer to it.")
        return "\n\n".join(str(part) for part in (greeting, body, f"—\n{sender}\n{last}") if part)


def body_of(kind: str, params: Mapping[str, Any], language: str = "zh-hans") -> str:
    """The text of a message in the reader's language."""
    with translation.override(language):
        return _fill(KINDS[kind][1], params)
