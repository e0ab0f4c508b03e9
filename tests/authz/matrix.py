"""Who may reach which route, as data. `stage.py` makes the objects, `test_matrix.py` walks every route for every persona.

A row says for whom the route works (`ok`), for whom it is visible but refused (`forbidden`: 403), and what everybody else
who is signed in gets (`others`: 404 where it is about an object, 403 where it is about none). Nobody signed in: led to the
login page, unless the route is public. A POST that works may still end in 409 or 422: the body is nearly empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from greenlist.accounts.states import Scope

PERSONAS = tuple(
    """anonymous stranger applicant colleague rival county_handler county_approver other_county_handler
    other_county_approver city_handler city_approver other_city_handler other_city_approver province_handler
    hlj_city_handler evaluator expert expert3 conflicted_expert supervisor ecology administrator security_administrator
    audit_administrator""".split()
)
SIGNED_IN = PERSONAS[1:]
FIRM = ("applicant", "colleague")
ALL_FIRMS = (*FIRM, "rival")
BODY = ("evaluator",)  # of a third-party body
MEMBERS = (*ALL_FIRMS, *BODY)
COUNTY = ("county_handler", "county_approver")
OTHER_COUNTY = ("other_county_handler", "other_county_approver")
CITY = ("city_handler", "city_approver")
OTHER_CITY = ("other_city_handler", "other_city_approver")
ABOVE = (*COUNTY, *CITY, "province_handler")  # officials whose area holds the firm
OFFICIALS = (*COUNTY, *OTHER_COUNTY, *CITY, *OTHER_CITY, "province_handler", "hlj_city_handler")
HOLDERS = (*MEMBERS, *OFFICIALS)  # whom the API serves
EXPERTS = ("expert", "expert3", "conflicted_expert")
PANELLISTS = ("expert",)
DEPARTMENTS = ("ecology",)
POOL_ONLY_SEEN = (*COUNTY, *OTHER_COUNTY, "province_handler")  # the city gave the mandate
POOL_SEEN = (*CITY, *POOL_ONLY_SEEN, "expert")
GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")


@dataclass(frozen=True)
class Row:
    """One route. `key` names the object of the stage, `body` what a POST sends beside the token: name → key of the stage."""

    name: str
    methods: tuple[str, ...]
    key: str = ""
    ok: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    others: int | str = 404
    body: dict[str, str] = field(default_factory=dict)

    def expected(self, persona: str) -> str:
        if persona in self.ok:
            return "ok"
        if persona == "anonymous":
            return "login"
        return "403" if persona in self.forbidden else str(self.others)


@dataclass(frozen=True)
class ApiRow(Row):
    """One operation of the API, asked with a token of the persona that holds every scope its capacity is offered."""

    scope: str = ""  # empty: public
    sent: dict[str, Any] = field(default_factory=dict)  # the JSON body; what `body` names comes on top

    def expected(self, persona: str) -> str:
        if not self.scope:
            return "ok"
        if persona not in HOLDERS:
            return "401"
        return super().expected(persona) if self.scope in OFFERED[persona] else "403"


def public(name: str, methods: tuple[str, ...] = GET, key: str = "") -> Row:
    return Row(name, methods, key, ok=PERSONAS)


def own(name: str, methods: tuple[str, ...] = GET, key: str = "") -> Row:
    """About the person who asks, so for everybody signed in."""
    return Row(name, methods, key, ok=SIGNED_IN)


def desk(name: str, ok: tuple[str, ...] = OFFICIALS, methods: tuple[str, ...] = GET) -> Row:
    """A list or form of an office; about no object, so the refusal gives its reason."""
    return Row(name, methods, ok=ok, others=403)


CORE = (
    public("livez"),
    public("readyz"),
    public("metrics"),  # from this machine, where the tests are; tests/ops/test_metrics.py has the others
    public("set_language", POST),
    public("portal:home"),
    public("portal:policies"),
    public("portal:gallery"),
    public("api_page"),
    public("api_schema"),
    own("portal:work"),
    public("portal:feed", key="feed"),  # the address is the key
    own("portal:search"),
    own("portal:inbox"),
    own("portal:inbox_read", POST),
    Row("portal:system", GET, ok=("administrator",), others=403),
)

ACCOUNTS = (
    public("accounts:login", BOTH),
    Row("accounts:login_code", BOTH, others="login"),  # to the first step: nobody here has just given a password
    public("accounts:logout", POST),
    public("accounts:register", BOTH),
    Row("accounts:switch", POST, others=403),  # no capacity is named in the body
    own("accounts:profile", BOTH),
    own("accounts:contact_change", BOTH),
    own("accounts:password_change", BOTH),
    public("accounts:password_reset", BOTH),
    public("accounts:password_reset_done"),
    public("accounts:password_reset_confirm", BOTH, "reset"),
    own("accounts:areas"),
    own("accounts:messages", BOTH),
    own("accounts:calendar", BOTH),
    Row("accounts:calendar_revoke", POST, "calendar", ok=("applicant",)),
    Row("accounts:tokens", BOTH, ok=HOLDERS, others=403),
    Row("accounts:token_revoke", POST, "token", ok=("applicant", "security_administrator")),
    own("accounts:second_factor", BOTH),
    own("accounts:recovery_codes", BOTH),
    own("accounts:second_factor_off", BOTH),
    own("accounts:sessions"),
    own("accounts:session_end", POST),
    own("accounts:stay", BOTH),
    desk("accounts:trail", ("audit_administrator",)),
    desk("accounts:safety", ("security_administrator",)),
)

ORGANISATIONS = (
    public("organisations:register", BOTH),
    own("organisations:register_details", BOTH, "registration"),
    own("organisations:profile"),
    Row("organisations:profile_edit", BOTH, ok=MEMBERS),
    Row("organisations:site_add", BOTH, ok=MEMBERS),
    Row("organisations:site_edit", BOTH, "site", ok=FIRM),
    Row("organisations:honours", BOTH, ok=MEMBERS),
    Row("organisations:honour_remove", POST, "honour", ok=FIRM),
    Row("organisations:members", BOTH, ok=MEMBERS),
    Row("organisations:membership_end", POST, "membership", ok=FIRM),
    Row("organisations:membership_prolong", POST, "membership", ok=("applicant",), forbidden=("colleague",)),
    public("organisations:accept", BOTH, "invitation"),
    desk("organisations:search"),
    Row("organisations:detail", GET, "organisation", ok=ABOVE),
    Row("organisations:contact", POST, "organisation", ok=ABOVE, forbidden=FIRM),
    Row("organisations:striving", POST, "organisation", ok=ABOVE, forbidden=FIRM),
    desk("organisations:claims"),
    Row("organisations:claim", BOTH, "claimed", ok=ABOVE),
    desk("organisations:adverse"),
    desk("organisations:adverse_add", methods=BOTH),
    Row("organisations:adverse_record", BOTH, "adverse", ok=ABOVE),
    Row("organisations:adverse_evidence", GET, "adverse", ok=ABOVE),
    Row("organisations:adverse_correct", BOTH, "adverse", ok=ABOVE),
    desk("organisations:adverse_import", methods=BOTH),
    desk("organisations:adverse_matches"),
    Row("organisations:adverse_match", BOTH, "match", ok=ABOVE),
    Row("organisations:park_firms", BOTH, "park", ok=ABOVE),
    Row("organisations:park_firm_left", POST, "park_firm", ok=ABOVE),
    own("organisations:industries"),
)

CALLS = (
    public("applications:public-calls", key="place"),
    public("applications:public-call", key="public_call"),
    public("applications:annex", key="annex"),
    desk("applications:calls"),
    desk("applications:call-new", (*CITY, *OTHER_CITY, "province_handler"), BOTH),
    own("applications:call", key="call"),  # who is no official is led on to the public page
    Row("applications:call-edit", BOTH, "draft_call", ok=CITY),
    Row("applications:call-open", POST, "draft_call", ok=("city_approver",), forbidden=("city_handler",)),
    Row("applications:call-discard", POST, "draft_call", ok=CITY),
    # An open call is public, so those who may not work on it learn why.
    Row("applications:call-extend", BOTH, "call", ok=("city_approver",), others=403),
    Row("applications:call-local-day", BOTH, "call", ok=("county_approver", "other_county_approver"), others=403),
    Row("applications:call-places", BOTH, "call", ok=("city_approver",), others=403),
    Row("applications:call-close", BOTH, "call", ok=("city_approver",), others=403),
    Row("applications:apply", GET, "call", ok=ALL_FIRMS, others=403),
    Row(
        "applications:apply",
        POST,
        "call",
        ok=FIRM,
        forbidden=tuple(set(SIGNED_IN) - set(ALL_FIRMS)),
        body={"site": "site"},
    ),
)

FILLING = (
    Row("applications:fill", GET, "draft", ok=FIRM),
    Row("applications:section", BOTH, "section", ok=FIRM),
    Row("applications:criteria", POST, "draft", ok=FIRM),
    Row("applications:evidence-add", POST, "upload", ok=FIRM),
    Row("applications:evidence-begin", POST, "upload", ok=FIRM),
    Row("applications:evidence-piece", POST, "upload", ok=FIRM),
    Row("applications:evidence", GET, "evidence", ok=FIRM),  # of a draft: nobody else sees it yet
    Row("applications:evidence-use", POST, "upload", ok=FIRM),
    Row("applications:evidence-view", GET, "evidence", ok=FIRM),
    Row("applications:evidence-remove", POST, "evidence", ok=FIRM),
    Row("applications:workbook", BOTH, "draft", ok=FIRM),
    Row("applications:workbook-download", GET, "draft", ok=FIRM),
    Row("applications:workbook-take", POST, "draft", ok=FIRM),
    Row("applications:prefill", BOTH, "draft", ok=FIRM),
    Row("applications:compare", GET, "draft", ok=FIRM),
    Row("applications:check", BOTH, "draft", ok=FIRM),
    Row("applications:receipt", GET, "draft", ok=FIRM),
    Row("applications:withdraw", BOTH, "draft", ok=FIRM),
)

# A case at the county's desk: the applicant and the county see it, nobody above yet.
CASES = (
    own("applications:cases"),
    Row("applications:report-pdf", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:report-docx", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:experience-pdf", GET, "case", ok=(*FIRM, *COUNTY)),  # 409: its form has none
    Row("applications:experience-docx", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:dossier-pdf", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:dossier-zip", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case-evidence", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case-checks", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case-documents", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case-history", GET, "case", ok=(*FIRM, *COUNTY)),
    Row("applications:case-changes", GET, "changes", ok=(*FIRM, *COUNTY)),
    desk("applications:desk"),
    Row("applications:review", GET, "case", ok=COUNTY),
    Row("applications:beside", GET, "case", ok=COUNTY),
    Row("applications:override", POST, "case", ok=COUNTY, forbidden=FIRM),
    Row("applications:upward", POST, others=404),
    own("dynamics:upgrade"),
    desk("applications:platform"),
    Row("applications:platform-call", BOTH, "waiting_call", ok=OFFICIALS),
    Row("applications:platform-number", BOTH, "case", ok=COUNTY, forbidden=FIRM),
    Row("applications:platform-document", GET, "platform_package", ok=CITY),
    Row("applications:review_row", BOTH, "row", ok=("county_handler",), forbidden=("county_approver",)),
    Row("applications:review_save", POST, "case", ok=("county_handler",), forbidden=("county_approver", *FIRM)),
    Row("applications:review_return", BOTH, "case", ok=("county_handler",), forbidden=("county_approver",)),
    Row("applications:review_propose", BOTH, "case", ok=("county_handler",), forbidden=("county_approver",)),
    Row("applications:review_sign", POST, "case", ok=("county_approver",), forbidden=("county_handler", *FIRM)),
    Row("applications:review_take_back", POST, "case", ok=("county_handler",), forbidden=("county_approver", *FIRM)),
    Row("applications:review_send_back", POST, "case", ok=("county_approver",), forbidden=("county_handler", *FIRM)),
    Row("applications:reopen", BOTH, "passed", ok=("county_handler",), forbidden=("county_approver",)),
    desk("applications:hits"),
    Row("applications:hit", BOTH, "hit", ok=COUNTY),
    Row("applications:hit-agree", POST, "hit_waiver", ok=("county_approver",), forbidden=("county_handler",)),
    Row("applications:hit-document", GET, "hit_answer", ok=COUNTY),
    Row("applications:hit-take-up", POST, "case", ok=COUNTY, forbidden=FIRM, body={"rule": "hit_rule"}),
    Row("applications:checks-pdf", GET, "case", ok=COUNTY),
    Row("applications:disqualify", BOTH, "case", ok=("county_approver",), forbidden=("county_handler", *FIRM)),
)

HANDLER, APPROVER = ("county_handler",), ("county_approver",)
BATCHES = (
    desk("applications:batches"),
    Row("applications:desk_bulk", POST, ok=OFFICIALS, others=403),
    Row("applications:desk_bulk_undo", POST, "bulk", ok=HANDLER),
    Row("applications:desk_filter_save", POST, ok=OFFICIALS, others=403),
    Row("applications:desk_filter_delete", POST, "saved_filter", ok=HANDLER),
    Row("applications:batch_start", POST, ok=HANDLER, forbidden=APPROVER, body={"call": "call"}),
    Row("applications:batch", GET, "batch", ok=COUNTY),
    Row("applications:batch_add", POST, "batch", ok=HANDLER, forbidden=APPROVER, body={"case": "waiting"}),
    Row("applications:batch_remove", POST, "batch", ok=HANDLER, forbidden=APPROVER, body={"remove": "passed"}),
    Row("applications:batch_arrange", POST, "batch", ok=HANDLER, forbidden=APPROVER, body={"order": "passed"}),
    Row("applications:batch_suggest", POST, "batch", ok=HANDLER, forbidden=APPROVER),
    Row("applications:batch_explain", POST, "batch", ok=HANDLER, forbidden=APPROVER),
    Row("applications:batch_quota", BOTH, "batch", ok=COUNTY),
    Row("applications:batch_letter", POST, "batch", ok=HANDLER, forbidden=APPROVER, body={"title": "passed"}),
    Row("applications:batch_discard", POST, "batch", ok=HANDLER, forbidden=APPROVER),
    Row("applications:batch_hand_over", POST, "batch", ok=HANDLER, forbidden=APPROVER),
    Row("applications:batch_hand_back", POST, "batch", ok=APPROVER, forbidden=HANDLER),
    Row("applications:batch_sign", POST, "batch", ok=APPROVER, forbidden=HANDLER),
    Row("applications:batch_send", POST, "batch", ok=COUNTY),
    # A batch that the city has received.
    Row("applications:batch_signature", GET, "signature", ok=(*COUNTY, *CITY)),
    Row("applications:batch_sealed", GET, "sealed", ok=(*COUNTY, *CITY)),
    Row("applications:batch_sealed", POST, "sent", ok=COUNTY, forbidden=CITY),
    Row("applications:batch_take_back", POST, "sent", ok=COUNTY, forbidden=CITY),
    Row("applications:batch_receive", POST, "sent", ok=("city_handler",), forbidden=(*COUNTY, "city_approver")),
    Row(
        "applications:batch_paper",
        POST,
        "sent",
        ok=("city_handler",),
        forbidden=(*COUNTY, "city_approver"),
        body={"case": "sent_case", "copies": "one"},
    ),
    Row("applications:batch_return", BOTH, "sent_unit", ok=("city_handler",), forbidden=(*COUNTY, "city_approver")),
    Row("applications:batch_document", GET, "batch_paper", ok=(*COUNTY, *CITY)),
)

CITY_HANDLER, CITY_APPROVER = ("city_handler",), ("city_approver",)
# A body of 海港区 that the province has approved; its officials and those above see it, and those of the diagnosed firm's
# county. One application of the firm is offered to it, another accepted and released.
SEES_BODY = tuple(one for one in OFFICIALS if one != "hlj_city_handler")
NO_BAN = tuple(one for one in SEES_BODY if one != "city_approver")  # they see the body, and learn why not
BODIES = (
    public("applications:public-bodies", key="place"),
    *(
        Row(name, methods, ok=BODY)
        for name, methods in (
            ("applications:body", GET),
            ("organisations:body-edit", BOTH),
            ("organisations:body-staff", BOTH),
            ("organisations:body-experience", BOTH),
            ("organisations:body-proof", BOTH),
            ("applications:projects", GET),
            ("applications:project-outside", BOTH),
        )
    ),
    Row("organisations:body-staff-remove", POST, "body_staff", ok=BODY),
    Row("organisations:body-experience-remove", POST, "body_experience", ok=BODY),
    Row("organisations:body-proof-remove", POST, "body_proof", ok=BODY),
    Row("applications:body-register", BOTH, "body_office", ok=BODY),
    Row("applications:body-work-report", BOTH, "body_report", ok=BODY),
    Row("applications:body-file", GET, "body_file", ok=(*BODY, *SEES_BODY)),
    desk("applications:bodies"),
    desk("applications:body-rates"),
    Row("applications:body-rates", POST, ok=CITY_APPROVER, others=403),
    Row("applications:body-seen", GET, "body", ok=SEES_BODY),
    Row("applications:body-registration", GET, "registration_of_body", ok=("province_handler",)),
    Row("applications:body-registration", POST, "registration_of_body", forbidden=("province_handler",)),
    Row(
        "applications:body-proof-decide",
        POST,
        "body_proof",
        ok=(*OTHER_COUNTY, *CITY, "province_handler"),
        forbidden=(*COUNTY, *BODY),
    ),
    Row("applications:body-ban", BOTH, "body", ok=CITY_APPROVER, forbidden=NO_BAN),
    Row("applications:body-ban-lift", POST, "body_ban", ok=CITY_APPROVER, forbidden=NO_BAN),
    Row("applications:body-supervise", BOTH, "body", ok=SEES_BODY),
    Row("applications:body-supervision", GET, "supervision", ok=(*COUNTY, *CITY)),
    Row("applications:body-supervision", POST, "supervision", ok=CITY, forbidden=COUNTY),
    Row("applications:evaluation", GET, "evaluated", ok=FIRM),
    Row("applications:evaluation-ask", POST, "asking", ok=FIRM, body={"body": "body"}),
    Row("applications:project", GET, "project", ok=(*BODY, *FIRM)),
    Row("applications:notes", GET, ok=(*MEMBERS, *OFFICIALS), others=403),
    Row("applications:project-note", POST, "project", ok=BODY, forbidden=FIRM),
    Row("applications:project-accept", POST, "offered", ok=BODY, forbidden=FIRM),
    Row("applications:project-decline", BOTH, "offered", ok=BODY, forbidden=FIRM),
    Row("applications:project-sign", POST, "project", ok=BODY, forbidden=FIRM),
    Row("applications:project-end", BOTH, "project", ok=(*BODY, *FIRM)),
    Row("applications:project-retract", POST, "offered", ok=FIRM, forbidden=BODY),
    Row("applications:project-release", POST, "project", ok=FIRM),
    Row("applications:project-close", POST, "project", ok=FIRM, forbidden=BODY),
)
REVIEWS = (
    desk("reviews:panels", (*OFFICIALS, *EXPERTS)),
    desk("reviews:seats", EXPERTS),
    desk("reviews:pool"),
    desk("reviews:pool-own", EXPERTS),
    Row("reviews:pool-entry", GET, "expert", ok=POOL_SEEN),
    Row("reviews:pool-describe", POST, "expert", ok=CITY, forbidden=(*POOL_ONLY_SEEN, "expert")),
    Row("reviews:pool-standing", POST, "expert", ok=CITY, forbidden=(*POOL_ONLY_SEEN, "expert")),
    Row("reviews:pool-employments", POST, "expert", ok=(*CITY, "expert"), forbidden=POOL_ONLY_SEEN),
    Row("reviews:pool-absences", POST, "expert", ok=(*CITY, "expert"), forbidden=POOL_ONLY_SEEN),
    Row("reviews:panel-new", BOTH, "call", ok=CITY),
    Row("reviews:panel", GET, "panel", ok=CITY),
    Row("reviews:panel-edit", BOTH, "prepared", ok=CITY),
    Row("reviews:panel-open", POST, "prepared", ok=CITY),
    Row("reviews:panel-cancel", POST, "prepared", ok=CITY),
    Row("reviews:panel-invite", POST, "panel", ok=CITY),
    Row("reviews:panel-excuse", BOTH, "excuse", ok=CITY),
    Row("reviews:panel-conclude", BOTH, "panel", ok=CITY),
    Row("reviews:panel-opinion-file", GET, "closed", ok=CITY),
    Row("reviews:panel-document", GET, "opinion", ok=CITY),
    Row("reviews:panel-draw", BOTH, "drawing", ok=CITY),
    Row("reviews:panel-draw-record", GET, "draw", ok=(*CITY, "supervisor")),
    Row("reviews:panel-substitute", POST, "given_up", ok=CITY),
    Row("reviews:panel-another", POST, "panel", ok=CITY, body={"case": "on_panel", "reason": "passed"}),
    Row("reviews:panel-chair", POST, "panel", ok=CITY, body={"seat": "seat"}),
    Row("reviews:panel-talk", BOTH, "prepared", ok=CITY),
    Row("reviews:panel-files", BOTH, "blind", ok=CITY),
    Row("reviews:panel-watch", POST, "panel", ok=CITY),
    Row("reviews:panel-watch-release", POST, "watched", ok=CITY),
    desk("reviews:watches", ("supervisor",)),
    Row("reviews:watch", BOTH, "drawing", ok=("supervisor",)),
    desk("reviews:commissions", BODY),
    Row("reviews:commission", BOTH, "commission", ok=BODY),
    Row("reviews:seat", GET, "panel", ok=(*PANELLISTS, "expert3")),  # who gave the seat up is led to the own list
    Row("reviews:seat-pledge", POST, "panel", ok=PANELLISTS),
    Row("reviews:seat-declare", POST, "panel", ok=PANELLISTS),
    Row("reviews:seat-recuse", BOTH, "panel", ok=PANELLISTS),
    Row("reviews:seat-lock", BOTH, "panel", ok=PANELLISTS),
    Row("reviews:sheet", GET, "sheet", ok=PANELLISTS),
    Row("reviews:sheet-file", GET, "shown_file", ok=PANELLISTS),
    Row("reviews:sheet-save", POST, "sheet", ok=PANELLISTS),
    Row("reviews:sheet-away", BOTH, "sheet", ok=PANELLISTS),
    desk("reviews:decisions"),
    Row("reviews:decision-new", GET, "call", ok=CITY),
    Row("reviews:decision-new", POST, "call", ok=CITY_HANDLER, forbidden=CITY_APPROVER, body={"title": "passed"}),
    Row("reviews:decision", GET, "decision", ok=CITY),
    Row("reviews:decision-save", POST, "decision", ok=CITY),  # an approver's complete form is refused by the service
    Row("reviews:decision-take-in", POST, "decision", ok=CITY_HANDLER, forbidden=CITY_APPROVER),
    Row(
        "reviews:decision-leave-out",
        POST,
        "decision",
        ok=CITY_HANDLER,
        forbidden=CITY_APPROVER,
        body={"case": "decision_case"},
    ),
    Row("reviews:decision-hand-back", POST, "decision", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:decision-approve", POST, "decision", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:decision-cancel", POST, "decision", ok=CITY_HANDLER, forbidden=CITY_APPROVER),
    Row("reviews:decision-ranking", GET, "decision", ok=CITY),
    Row("reviews:decision-tell", POST, "decision", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:decision-record", GET, "decision", ok=CITY),
    Row("reviews:guidance", GET, "guided", ok=(*FIRM, *ABOVE[:4])),
    Row("reviews:guidance-plan", POST, "guided", ok=CITY, forbidden=(*FIRM, *COUNTY)),
    Row("reviews:guidance-record", POST, "guidance", ok=CITY, forbidden=(*FIRM, *COUNTY)),
    Row("reviews:decision-document", GET, "proposed_list", ok=CITY),
    desk("reviews:consultations"),
    Row("reviews:consultation-new", POST, "consult_call", ok=CITY_HANDLER, forbidden=CITY_APPROVER),
    Row("reviews:consultation", GET, "letter", ok=CITY),
    Row("reviews:consultation-save", POST, "letter", ok=CITY),  # an empty form is shown again to anybody of the office
    Row("reviews:consultation-take-in", POST, "letter", ok=CITY_HANDLER, forbidden=CITY_APPROVER),
    Row(
        "reviews:consultation-leave-out",
        POST,
        "letter",
        ok=CITY_HANDLER,
        forbidden=CITY_APPROVER,
        body={"case": "letter_case"},
    ),
    Row(
        "reviews:consultation-add-office",
        POST,
        "letter",
        ok=CITY_HANDLER,
        forbidden=CITY_APPROVER,
        body={"name": "passed"},
    ),
    Row(
        "reviews:consultation-remove-office",
        POST,
        "letter",
        ok=CITY_HANDLER,
        forbidden=CITY_APPROVER,
        body={"office": "letter_office"},
    ),
    Row("reviews:consultation-hand-back", POST, "letter", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:consultation-send", POST, "letter", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:consultation-cancel", POST, "letter", ok=CITY_HANDLER, forbidden=CITY_APPROVER),
    Row("reviews:consultation-conclude", POST, "asked", ok=CITY),  # a form without a version is shown again
    Row("reviews:consultation-close", POST, "asked", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("reviews:consultation-document", GET, "opinions", ok=CITY),
    desk("reviews:opinions", DEPARTMENTS),
    Row("reviews:opinion", GET, "answered", ok=(*CITY, *DEPARTMENTS)),
    Row("reviews:opinion-save", POST, "opinion_asked", ok=(*CITY_HANDLER, *DEPARTMENTS), forbidden=CITY_APPROVER),
    Row("reviews:opinion-again", POST, "answered", ok=CITY_HANDLER, forbidden=(*CITY_APPROVER, *DEPARTMENTS)),
    Row("reviews:opinion-file", GET, "answered", ok=(*CITY, *DEPARTMENTS)),
    Row("reviews:opinion-letter", GET, "opinion_asked", ok=(*CITY, *DEPARTMENTS)),
)

REGISTRY = (
    public("registry:notices"),
    public("registry:notice", key="notice"),
    public("registry:notice_pdf", key="notice"),
    public("registry:notice_text", key="notice"),
    public("registry:object", BOTH, "notice_item"),
    public("registry:follow", key="follow"),
    public("registry:lists"),
    public("registry:download", key="download"),
    public("registry:as_of", key="as_of"),
    public("registry:changes", key="as_of"),
    public("dynamics:listing", key="listing"),
    public("registry:announcement_public", key="announcement"),
    public("registry:announcement_pdf", key="announcement"),
    public("registry:verify", BOTH),
    public("registry:certificate", key="certificate"),
    public("registry:certificate_pdf", key="certificate"),
    desk("registry:notices_manage"),
    Row("registry:notice_new", BOTH, "approved", ok=CITY),
    Row("registry:notice_manage", BOTH, "notice_draft", ok=CITY),
    Row("registry:notice_publish", POST, "notice_draft", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("registry:objection", GET, "objection", ok=CITY),
    Row(
        "registry:objection",
        POST,
        "objection",
        ok=CITY_APPROVER,
        forbidden=CITY_HANDLER,
        body={"outcome": "dismissed", "reasons": "passed"},
    ),
    Row("registry:objection_evidence", GET, "objection", ok=CITY),
    desk("registry:announcements_manage"),
    Row("registry:announcement_new", BOTH, "announcement_new", ok=CITY),
    Row("registry:announcement", BOTH, "announcement_draft", ok=CITY),
    Row("registry:announcement_hand", POST, "announcement_draft", ok=CITY),
    Row("registry:announcement_back", POST, "announcement_draft", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("registry:announcement_publish", POST, "announcement_draft", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("registry:correction", BOTH, "announcement_own", ok=CITY),
    Row("registry:correction_publish", POST, "correction", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("registry:correction_refuse", POST, "correction", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    own("registry:certificates"),
    desk("registry:imported-lists"),
    desk("registry:imported-take", methods=BOTH),
    desk("registry:imported-matches"),
    Row("registry:imported-waiting", GET, "waiting_call", ok=OFFICIALS, others=403),
    Row("registry:imported-result", BOTH, "forwarded", ok=CITY),
    Row("registry:imported", GET, "imported", ok=CITY),
    Row("registry:imported-approve", POST, "imported", ok=CITY_APPROVER, forbidden=CITY_HANDLER),
    Row("registry:imported-drop", POST, "imported", ok=CITY),
    Row("registry:imported-complete", POST, "imported", ok=CITY),
    Row("registry:imported-match", BOTH, "imported_match", ok=CITY),
)

FIRMS_MAY, HANDLERS_MAY, APPROVERS_MAY = {"read", "draft", "submit"}, {"read", "receive", "record"}, {"read"}
OFFERED = {
    persona: FIRMS_MAY if persona in MEMBERS else HANDLERS_MAY if persona.endswith("handler") else APPROVERS_MAY
    for persona in HOLDERS
}
DECLARATION = {"digest": "0" * 64, "declared_name": "x", "agreed": True}
# After listing: objects in tests/authz/after.py, one function per subject.
LISTED = (
    desk("dynamics:units", ok=(*ALL_FIRMS, *OFFICIALS)),
    Row("dynamics:unit", GET, "unit", ok=ABOVE),
)

API = (
    *(ApiRow(f"api:{name}", GET) for name in ("calls", "lists", "listings", "notices", "announcements", "bulletins")),
    ApiRow("api:certificate_by_number", GET),
    ApiRow("api:form_schema", GET, "form"),
    ApiRow("api:call", GET, "api_call"),
    ApiRow("api:list_as_of", GET, "as_of"),
    ApiRow("api:listing", GET, "listing"),
    ApiRow("api:public_page", GET, "listing"),
    ApiRow("api:notice", GET, "notice"),
    ApiRow("api:announcement", GET, "announcement"),
    ApiRow("api:bulletin", GET, "bulletin_public"),
    ApiRow("api:certificate", GET, "certificate"),
    ApiRow("api:token", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:organisation", GET, ok=MEMBERS, others=403, scope=Scope.READ),
    ApiRow(
        "api:adverse_records",
        POST,
        ok=tuple(one for one in OFFICIALS if one.endswith("handler")),
        scope=Scope.RECORD,
        sent={"records": []},
    ),
    ApiRow("api:cases", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:cases", POST, ok=FIRM, forbidden=BODY, scope=Scope.DRAFT, body={"call": "call", "site": "site"}),
    ApiRow("api:case", GET, "case", ok=(*FIRM, *COUNTY), scope=Scope.READ),
    ApiRow("api:case_withdraw", POST, "draft", ok=FIRM, scope=Scope.SUBMIT),
    ApiRow("api:report", GET, "case", ok=(*FIRM, *COUNTY), scope=Scope.READ),
    ApiRow("api:section", GET, "section", ok=FIRM, scope=Scope.READ),
    ApiRow("api:section", ("PATCH",), "section", ok=FIRM, scope=Scope.DRAFT, sent={"answers": {"products": "x"}}),
    ApiRow("api:evidence_add", ("UPLOAD",), "upload", ok=FIRM, scope=Scope.DRAFT),
    ApiRow("api:evidence", GET, "evidence", ok=FIRM, scope=Scope.READ),
    ApiRow("api:evidence", ("DELETE",), "evidence", ok=FIRM, scope=Scope.DRAFT),
    ApiRow("api:check", GET, "draft", ok=FIRM, scope=Scope.READ),
    ApiRow("api:submit", POST, "draft", ok=FIRM, scope=Scope.SUBMIT, sent=DECLARATION),
    ApiRow("api:batches", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:batch", GET, "batch", ok=COUNTY, scope=Scope.READ),
    ApiRow("api:batch_receive", POST, "sent", ok=CITY_HANDLER, forbidden=HANDLER, scope=Scope.RECEIVE),
    ApiRow("api:outcomes", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:outcome", GET, "outcome", ok=(*COUNTY, *CITY), scope=Scope.READ),
    ApiRow("api:yearly_tables", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:yearly_table", GET, "yearly", ok=(*FIRM, *ABOVE), scope=Scope.READ),
    ApiRow("api:cycles", GET, ok=OFFICIALS, others=403, scope=Scope.READ),
    ApiRow("api:cycle", GET, "cycle", ok=(*ABOVE, *OTHER_COUNTY), scope=Scope.READ),
    ApiRow("api:removals", GET, ok=HOLDERS, scope=Scope.READ),
    ApiRow("api:removal", GET, "removal", ok=(*FIRM, *ABOVE), scope=Scope.READ),
)

RECTIFICATIONS = (
    Row("dynamics:rectifications", GET, ok=(*MEMBERS, *OFFICIALS), others=403),
    Row("dynamics:rectification", GET, "rectification", ok=(*FIRM, *ABOVE)),
    Row("dynamics:rectification-hand-in", POST, "rectification", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:rectification-judge", POST, "rectification", ok=COUNTY, forbidden=(*FIRM, *CITY, "province_handler")),
    Row(
        "dynamics:rectification-give-up", POST, "rectification", ok=COUNTY, forbidden=(*FIRM, *CITY, "province_handler")
    ),
    Row("dynamics:rectification-proof", GET, "rectification_proof", ok=(*FIRM, *ABOVE)),
    Row("dynamics:rectification-order", BOTH, "rectified", ok=ABOVE, others=403),
)
# A removal of the city's list that the unit has answered, a bulletin in preparation, a letter to the province, an alarm.
REMOVALS = (
    Row("dynamics:removals", GET, ok=(*MEMBERS, *OFFICIALS), others=403),
    Row("dynamics:removal", GET, "removal", ok=(*FIRM, *ABOVE)),
    Row("dynamics:removal-act", POST, "removal_handled", ok=CITY, forbidden=(*FIRM, *COUNTY, "province_handler")),
    Row("dynamics:removal-file", GET, "removal_file", ok=(*FIRM, *CITY), forbidden=(*COUNTY, "province_handler")),
    Row("dynamics:removal-evidence", GET, "removal", ok=CITY, forbidden=(*FIRM, *COUNTY, "province_handler")),
    Row("dynamics:removal-propose", BOTH, "removable", ok=ABOVE, others=403),
    desk("dynamics:bulletins"),
    Row("dynamics:bulletin-new", BOTH, "bulletin_new", ok=CITY, others=403),
    Row("dynamics:bulletin", BOTH, "bulletin", ok=CITY),
    Row("dynamics:bulletin-act", POST, "bulletin_act", ok=CITY),
    public("registry:bulletin", key="bulletin_public"),
    public("registry:bulletin_pdf", key="bulletin_public"),
    desk("dynamics:requests"),
    Row("dynamics:request", GET, "request", ok=(*CITY, "province_handler")),
    Row("dynamics:request-act", POST, "request_act", ok=(*CITY, "province_handler")),
    Row("dynamics:request-letter", GET, "request", ok=(*CITY, "province_handler")),
    desk("dynamics:incidents"),
    desk("dynamics:incident-units"),
    Row("dynamics:incident-new", BOTH, "removable", ok=(*COUNTY, *CITY), others=403),
    Row("dynamics:incident", GET, "incident", ok=ABOVE),
    Row("dynamics:incident-act", POST, "incident_act", ok=CITY, forbidden=(*COUNTY, "province_handler")),
    Row("dynamics:incident-file", GET, "incident", ok=ABOVE),
    Row("dynamics:incident-note-file", GET, "incident_note", ok=ABOVE),
)
TIP_LEADS = {"ok": ("city_approver",), "forbidden": ("city_handler",)}
TIP_HANDLES = {"ok": ("city_handler",), "forbidden": ("city_approver",)}
TIPS = (
    public("dynamics:report-entry"),
    public("dynamics:report-unit", BOTH, "reportable"),
    public("dynamics:report-body", BOTH, "reportable_body"),
    public("dynamics:report-follow", GET, "tip_followed"),
    desk("dynamics:tips"),
    Row("dynamics:tip", GET, "tip", ok=CITY),
    Row("dynamics:tip-name", POST, "tip", **TIP_LEADS),
    Row("dynamics:tip-release", POST, "tip_handler", **TIP_LEADS),
    Row("dynamics:tip-identity", POST, "tip", **TIP_HANDLES),
    Row("dynamics:tip-evidence", POST, "tip", **TIP_HANDLES),
    Row("dynamics:tip-accept", POST, "tip", **TIP_HANDLES),
    Row("dynamics:tip-propose", POST, "tip", **TIP_HANDLES),
    Row("dynamics:tip-hand-back", POST, "tip", **TIP_LEADS),
    Row("dynamics:tip-decide", POST, "tip", **TIP_LEADS),
)

HLJ_CITY = ("hlj_city_handler",)
ABOVE_COUNTY = (*CITY, "province_handler")
NOT_KEEPERS = (*ABOVE_COUNTY, *FIRM, *BODY)  # they see the object, its library is another's


def kept(name: str, key: str = "cultivated") -> Row:
    """A verb of the authority whose library the object is in."""
    return Row(f"dynamics:cultivation-{name}", POST, key, ok=COUNTY, forbidden=NOT_KEEPERS)


CULTIVATION = (
    desk("dynamics:cultivation"),
    desk("dynamics:cultivation-export"),
    desk("dynamics:cultivation-add", methods=BOTH),
    desk("dynamics:cultivation-survey", methods=BOTH),
    Row("dynamics:cultivation-own", BOTH, ok=MEMBERS, others=403),
    Row("dynamics:cultivation-object", GET, "cultivated", ok=ABOVE),
    *(kept(name) for name in ("plan", "take-up", "invite", "drop", "level", "target", "visit", "match")),
    kept("target-reached", "cultivation_target"),
    kept("visit-record", "cultivation_visit"),
    kept("match-end", "cultivation_match"),
    Row(
        "dynamics:cultivation-note",
        POST,
        "cultivated",
        ok=(*COUNTY, *FIRM),
        forbidden=(*ABOVE_COUNTY, *BODY),
    ),
    Row(
        "dynamics:cultivation-apply",
        POST,
        "cultivated",
        ok=FIRM,
        forbidden=(*ABOVE, *BODY),
        body={"call": "call"},
    ),
    public("dynamics:listing-file", key="published_file"),
    public("dynamics:standing", key="shown_token"),
    public("dynamics:place-experiences", key="place"),
    public("dynamics:place-experience", key="experience_public"),
    Row("dynamics:showing", GET, "shown", ok=(*ABOVE, *FIRM)),
    Row("dynamics:showing-preview", GET, "shown", ok=(*ABOVE, *FIRM)),
    Row("dynamics:showing-write", POST, "shown_part", ok=(*ABOVE, *FIRM)),
    Row("dynamics:showing-mark", POST, "shown_part", ok=(*ABOVE, *FIRM)),
    Row("dynamics:showing-take-down", POST, "shown_part", ok=ABOVE, forbidden=FIRM),
    Row("dynamics:showing-file", GET, "shown_part", ok=(*ABOVE, *FIRM)),
    Row("dynamics:experience-pick", POST, "shown", ok=ABOVE_COUNTY, forbidden=(*COUNTY, *FIRM)),
    desk("dynamics:experiences"),
    Row("dynamics:experience", BOTH, "experience", ok=CITY),
    Row("dynamics:experience-recommend", POST, "experience", ok=CITY),
    Row("dynamics:experience-outstanding", POST, "experience", forbidden=CITY),
    Row("dynamics:experience-publish", POST, "experience", ok=CITY),
    Row("dynamics:experience-withdraw", POST, "experience", ok=CITY),
    Row("dynamics:experience-put-forward", POST, "experience", forbidden=CITY),
    Row("dynamics:upgrade-unit", GET, "unit", ok=ABOVE),
    Row("dynamics:upgrade-object", GET, "cultivated", ok=ABOVE),
    desk("dynamics:filings"),
    Row("dynamics:filing-start", POST, "filing_rule", ok=HLJ_CITY),
    Row("dynamics:filing", BOTH, "filing", ok=HLJ_CITY),
    Row("dynamics:filing-hand", POST, "filing", ok=HLJ_CITY),
    Row("dynamics:filing-back", POST, "filing", ok=HLJ_CITY),
    Row("dynamics:filing-sign", POST, "filing_handed", forbidden=HLJ_CITY),  # who handed it over
    Row("dynamics:filing-receive", POST, "filing", forbidden=HLJ_CITY),
    Row("dynamics:filing-package", GET, "filing_handed", ok=HLJ_CITY),
    Row("dynamics:trainings", GET, ok=(*OFFICIALS, *ALL_FIRMS), others=403),
    Row("dynamics:trainings", POST, ok=OFFICIALS, others=403),
    Row("dynamics:training", GET, "training", ok=(*ABOVE, *FIRM)),
    Row("dynamics:training-sign-up", POST, "training", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:training-sign-off", POST, "training", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:training-cancel", POST, "training", ok=COUNTY, forbidden=(*ABOVE_COUNTY, *FIRM)),
)
NOT_VERIFIERS = (*FIRM, *CITY, "province_handler")
CHANGES = (
    Row("dynamics:changes", GET, ok=(*MEMBERS, *OFFICIALS), others=403),
    desk("dynamics:changes-bundle", methods=POST),
    desk("dynamics:changes-workbook"),
    Row("dynamics:change-report", BOTH, "changing", ok=FIRM),
    Row("dynamics:change", GET, "change", ok=(*FIRM, *ABOVE)),
    Row("dynamics:change-file", GET, "change_file", ok=(*FIRM, *ABOVE)),
    Row("dynamics:change-complete", POST, "change", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:change-withdraw", POST, "change", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:change-verify", POST, "change", ok=HANDLER, forbidden=("county_approver", *NOT_VERIFIERS)),
    Row("dynamics:change-return", POST, "change", ok=HANDLER, forbidden=("county_approver", *NOT_VERIFIERS)),
    Row("dynamics:change-hand-back", POST, "change", ok=("county_approver",), forbidden=(*HANDLER, *NOT_VERIFIERS)),
    Row("dynamics:change-confirm", POST, "change", ok=("county_approver",), forbidden=(*HANDLER, *NOT_VERIFIERS)),
    Row("dynamics:change-note", POST, "change", ok=CITY, forbidden=(*FIRM, *COUNTY, "province_handler")),
)
INSPECTIONS = (
    Row("dynamics:inspections", GET, ok=(*MEMBERS, *OFFICIALS), others=403),
    desk("dynamics:inspection-plans", methods=BOTH),
    Row("dynamics:inspection-plan", GET, "inspection_plan", ok=ABOVE),
    Row("dynamics:inspection-plan-workbook", GET, "inspection_plan", ok=ABOVE),
    Row("dynamics:inspection-new", BOTH, "changing", ok=ABOVE, others=403),
    Row("dynamics:inspection", GET, "inspection", ok=(*FIRM, *ABOVE)),
    Row("dynamics:inspection-pdf", GET, "inspection", ok=(*FIRM, *ABOVE)),
    Row("dynamics:inspection-file", GET, "inspection_file", ok=(*FIRM, *ABOVE)),
    Row("dynamics:inspection-record", POST, "inspection", ok=COUNTY, forbidden=NOT_VERIFIERS),
    Row("dynamics:inspection-day", POST, "inspection", ok=COUNTY, forbidden=NOT_VERIFIERS),
    Row("dynamics:inspection-cancel", POST, "inspection", ok=COUNTY, forbidden=NOT_VERIFIERS),
)

NEIGHBOURS = (*ABOVE, *OTHER_COUNTY)  # the city's cycle is also the other county's
YEARLY = (
    Row("dynamics:yearly-own", GET, ok=ALL_FIRMS, others=403),
    Row("dynamics:yearly", GET, "yearly", ok=(*FIRM, *ABOVE)),
    Row("dynamics:yearly-begin", BOTH, "yearly_due", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:yearly-check", BOTH, "yearly_draft", ok=FIRM, forbidden=ABOVE),
    Row("dynamics:yearly-review", BOTH, "yearly", ok=COUNTY, forbidden=(*FIRM, *CITY, "province_handler")),
    Row("dynamics:yearly-pdf", GET, "yearly", ok=(*FIRM, *ABOVE)),
    Row("dynamics:yearly-opinion-pdf", GET, "yearly_opinion", ok=ABOVE),
    desk("dynamics:cycles", methods=BOTH),
    Row("dynamics:cycle", GET, "cycle", ok=NEIGHBOURS),
    Row("dynamics:cycle-export", GET, "cycle", ok=NEIGHBOURS),
    Row("dynamics:cycle-remind", POST, "cycle", ok=NEIGHBOURS),
    Row("dynamics:cycle-scores", BOTH, "cycle", ok=CITY, forbidden=tuple(one for one in NEIGHBOURS if one not in CITY)),
    Row(
        "dynamics:cycle-close",
        POST,
        "cycle",
        ok=("city_approver",),
        forbidden=tuple(one for one in NEIGHBOURS if one != "city_approver"),
    ),
    Row(
        "dynamics:cycle-move",
        POST,
        "cycle",
        ok=("city_approver",),
        forbidden=tuple(one for one in NEIGHBOURS if one != "city_approver"),
    ),
    Row(
        "dynamics:cycle-aspire",
        POST,
        "cycle",
        forbidden=tuple(one for one in SIGNED_IN if one not in ALL_FIRMS),
    ),
    Row("applications:paper-fill", GET, "yearly_paper", ok=FIRM),
    Row("applications:paper-section", BOTH, "yearly_section", ok=FIRM),
    Row("applications:paper-workbook", BOTH, "yearly_paper", ok=FIRM),
    Row("applications:paper-workbook-download", GET, "yearly_paper", ok=FIRM),
    Row("applications:paper-workbook-take", POST, "yearly_paper", ok=FIRM),
    Row("applications:paper-evidence-add", POST, "yearly_upload", ok=FIRM),
    Row("applications:paper-evidence-begin", POST, "yearly_upload", ok=FIRM),
    Row("applications:paper-evidence-piece", POST, "yearly_upload", ok=FIRM),
    Row("applications:paper-evidence-use", POST, "yearly_upload", ok=FIRM),
    Row("applications:paper-evidence", GET, "yearly_evidence", ok=FIRM),  # of a draft: nobody else sees it yet
    Row("applications:paper-evidence-view", GET, "yearly_evidence", ok=FIRM),
    Row("applications:paper-evidence-remove", POST, "yearly_evidence", ok=FIRM),
)
PARTS = {
    "people": (*CORE, *ACCOUNTS, *ORGANISATIONS),
    "applications": (*CALLS, *FILLING, *CASES, *BATCHES),
    "bodies": BODIES,
    "city": (*REVIEWS, *REGISTRY),
    "listed": (
        *LISTED,
        *RECTIFICATIONS,
        *REMOVALS,
        *YEARLY,
        *CULTIVATION,
        *TIPS,
        *CHANGES,
        *INSPECTIONS,
    ),
}
# They answer alike to any method and change nothing.
ANY_METHOD = {"livez", "readyz", "set_language", "portal:gallery"}
ROWS = tuple(row for part in PARTS.values() for row in part)
