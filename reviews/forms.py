"""Input for panels, sheets, decisions and consultations. What is complete or allowed is judged by the services."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area
from greenlist.core.errors import Invalid
from greenlist.core.forms import DayField, ServiceForm
from greenlist.policy.engine.types import ConsultCheck, Step
from reviews.models import Consultation, Panel
from reviews.selectors import consultations as consultation_reads
from reviews.selectors.decisions import Unit
from reviews.selectors.panels import Candidate, Choice, Commissionable, UnitRow
from reviews.selectors.pool import fields_of
from reviews.selectors.ranking import Asked
from reviews.selectors.tree import Branch, Line, Tree
from reviews.services import consultations, decisions, draws, opinions, panels, pool
from reviews.states import Outcome, PanelKind, Verdict

YES_NO = [("yes", _("yes")), ("no", _("no"))]
AS_BOOL = {"yes": True, "no": False}


def _text(label: Any, rows: int, **options: Any) -> forms.CharField:
    options.setdefault("required", False)
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), **options)


def _version() -> forms.IntegerField:
    return forms.IntegerField(widget=forms.HiddenInput)


def _day(label: Any) -> DayField:
    return DayField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


def _count(label: Any, help_text: Any = "", most: int = 9999) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=False, min_value=1, max_value=most)


WAYS = (
    (PanelKind.EXPERTS.value, _("experts whom we choose")),
    (panels.DRAWN, _("experts drawn at random")),
    (PanelKind.BODY.value, PanelKind.BODY.label),
)


def _body_words(one: Commissionable) -> str:
    return f"{one.body.name} · {_('on the white list')}" if one.is_white else one.body.name


class PanelForm(ServiceForm):
    """What is laid down before a panel opens. The tables of units and experts are drawn by the page."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    title = forms.CharField(label=_("Title"), max_length=160, required=False)
    kind = forms.ChoiceField(label=_("Who reviews"), widget=forms.RadioSelect)
    body = forms.CharField(
        label=_("Name of the commissioned body"),
        help_text=_(
            "Only where a body that is not registered here is commissioned. Its written opinion and scores are entered "
            "with the conclusion."
        ),
        max_length=120,
        required=False,
    )
    commissioned = forms.TypedChoiceField(
        label=_("Registered body"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_(
            "It names its own people, who sign, declare and score as experts do. Bodies that evaluated one of the units, "
            "or are under a ban, cannot be chosen."
        ),
    )
    per_case = _count(
        _("Experts for each unit"), _("Units are given out evenly. Leave empty: every expert judges every unit."), 20
    )
    blind = forms.BooleanField(
        label=_("Blind review"),
        help_text=_("Experts see no names of units; evidence only where you mark a file as naming nobody."),
        required=False,
    )
    closes_on = DayField(
        label=_("Review until"),
        help_text=_("That day included. It binds nobody by itself; experts see it."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    plan = _text(_("Work plan"), 4, max_length=5000, help_text=_("Experts read it after they have signed."))
    pledge = _text(
        _("Text of the pledge"),
        8,
        max_length=5000,
        help_text=_("Each expert signs it before anything opens. What was signed is kept with its digest."),
    )
    applications = forms.MultipleChoiceField(
        label=_("Applications before the panel"), required=False, widget=forms.CheckboxSelectMultiple
    )
    experts = forms.TypedMultipleChoiceField(
        label=_("Experts"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    chair = forms.TypedChoiceField(
        label=_("Chair"), coerce=int, required=False, empty_value=None, widget=forms.RadioSelect
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        step: Step,
        choices: Iterable[Choice],
        candidates: Collection[Candidate],
        bodies: Iterable[Commissionable] = (),
        initial: Mapping[str, Any],
    ) -> None:
        super().__init__(data, initial=dict(initial))
        offered = set(step.reviewers or (PanelKind.EXPERTS,))
        offered |= {panels.DRAWN} if PanelKind.EXPERTS in offered else set()
        people = [(str(one.user_id), one.name) for one in candidates]
        self.fields["kind"].choices = [(way, words) for way, words in WAYS if way in offered]  # type: ignore[attr-defined]
        self.fields["commissioned"].choices = [  # type: ignore[attr-defined]
            ("", _("none of these")),
            *((one.body.pk, _body_words(one)) for one in bodies if not one.why_not),
        ]
        self.fields["applications"].choices = [(one.case.reference, one.case.name) for one in choices]  # type: ignore[attr-defined]
        self.fields["experts"].choices = people  # type: ignore[attr-defined]
        self.fields["chair"].choices = [("", ""), *people]  # type: ignore[attr-defined]

    def _offers(self, *ways: str) -> bool:
        return any(value in ways for value, _words in self.fields["kind"].choices)  # type: ignore[attr-defined]

    @property
    def offers_bodies(self) -> bool:
        return self._offers(PanelKind.BODY)

    @property
    def offers_choice(self) -> bool:
        return self._offers(PanelKind.EXPERTS)

    @property
    def offers_experts(self) -> bool:
        return self._offers(PanelKind.EXPERTS, panels.DRAWN)

    def ticked(self, name: str) -> set[str]:
        """The values chosen on the page as it is shown."""
        value = self[name].value()
        return {str(one) for one in (value if isinstance(value, list | tuple) else [value] if value else [])}

    def as_plan(self) -> panels.Plan:
        given = self.cleaned_data
        drawn = given["kind"] == panels.DRAWN
        kind = PanelKind.EXPERTS if drawn else given["kind"]
        by_experts = kind == PanelKind.EXPERTS
        chair = given["chair"] if by_experts and given["chair"] in given["experts"] else None
        return panels.Plan(
            title=given["title"],
            kind=kind,
            drawn=drawn,
            blind=given["blind"] and (by_experts or given["commissioned"] is not None),
            per_case=given["per_case"] if by_experts else None,
            commissioned=None if by_experts else given["commissioned"],
            body="" if by_experts else given["body"],
            plan=given["plan"],
            pledge=given["pledge"],
            closes_on=given["closes_on"],
            applications=tuple(given["applications"]),
            experts=tuple(given["experts"]) if by_experts and not drawn else (),
            chair=chair,
        )


class ReasonForm(ServiceForm):
    """One reason, for giving up a seat, keeping away, taking somebody off."""

    reason = _text(_("Reason"), 3, max_length=300)


class NoteForm(ServiceForm):
    """Why the approver hands a draft back."""

    note = _text(_("What is to be looked at again"), 3, max_length=500)


class ExpertForm(ServiceForm):
    """What the authority writes down about an expert."""

    version = _version()
    fields_ = forms.CharField(
        label=_("Fields of expertise"), help_text=_("Several, separated by commas."), max_length=300, required=False
    )
    area = forms.ChoiceField(
        label=_("From"), help_text=_("Where the expert lives or works, for avoidance by place."), required=False
    )
    cap_per_panel = _count(_("Most units on one panel"), _("Leave empty for no limit."))
    cap_per_year = _count(_("Most units in one year"), _("Leave empty for no limit."))

    def __init__(self, data: Mapping[str, Any] | None, *, areas: Iterable[Area], initial: Mapping[str, Any]) -> None:
        super().__init__(data, initial=dict(initial))
        self.fields["area"].choices = [  # type: ignore[attr-defined]
            ("", _("not said")),
            *((one.slug, one.full_name or one.name) for one in areas),
        ]

    def as_profile(self) -> pool.Profile:
        given = self.cleaned_data
        return pool.Profile(
            fields=fields_of(given["fields_"]),
            area=given["area"],
            cap_per_panel=given["cap_per_panel"],
            cap_per_year=given["cap_per_year"],
        )


class EmploymentForm(ServiceForm):
    """An employer, present or former."""

    employer = forms.CharField(label=_("Employer"), max_length=100, required=False)
    since = _day(_("First day"))
    until = _day(_("Last day"))


class AbsenceForm(ServiceForm):
    """Days on which an expert cannot review."""

    since = _day(_("First day away"))
    until = _day(_("Last day away"))
    reason = forms.CharField(label=_("Reason"), max_length=100, required=False)


class DrawForm(ServiceForm):
    """What the authority asks of a draw; one field for each field of expertise in the pool."""

    version = _version()
    places = forms.IntegerField(label=_("How many experts"), min_value=1, max_value=200)
    per_case = _count(
        _("Experts for each unit"), _("Units are given out evenly. Leave empty: every expert judges every unit."), 20
    )
    cap = _count(_("Most units for one expert"), _("Leave empty for no limit."))
    reason = _text(_("Why the members are drawn again"), 2, max_length=300)

    def __init__(
        self, data: Mapping[str, Any] | None, *, fields: Iterable[str], again: bool, initial: Mapping[str, Any]
    ) -> None:
        super().__init__(data, initial=dict(initial))
        if not again:
            del self.fields["reason"]
        self.words = dict(enumerate(fields))
        for number, word in self.words.items():
            self.fields[f"quota-{number}"] = forms.IntegerField(label=word, required=False, min_value=1, max_value=200)

    @property
    def quotas(self) -> list[forms.BoundField]:
        return [self[f"quota-{number}"] for number in self.words]

    def as_asked(self) -> draws.Asked:
        given = self.cleaned_data
        quotas = {word: given[f"quota-{number}"] for number, word in self.words.items() if given[f"quota-{number}"]}
        return draws.Asked(
            places=given["places"],
            per_case=given["per_case"],
            cap=given["cap"],
            quotas=quotas,
            reason=given.get("reason", ""),
        )


class TalkForm(ServiceForm):
    """Integrity risk points and the reminder talk (HLJ-17)."""

    version = _version()
    risks = _text(
        _("Integrity risk points"),
        6,
        max_length=5000,
        help_text=_("Where favours, leaks or pressure could creep in, and what is done against each."),
    )
    talk_on = _day(_("Day of the reminder talk"))
    talk = _text(_("The talk"), 3, max_length=300, help_text=_("Who spoke to whom, where, about what."))


class RemarkForm(ServiceForm):
    """A supervisor's note."""

    text = _text(_("Note"), 4, max_length=3000, help_text=_("Once written it stands: it can be added to, not changed."))


class InviteForm(ServiceForm):
    expert = forms.TypedChoiceField(label=_("Expert"), coerce=int)

    def __init__(self, data: Mapping[str, Any] | None, *, candidates: Iterable[Candidate]) -> None:
        super().__init__(data)
        self.fields["expert"].choices = [  # type: ignore[attr-defined]
            (one.user_id, " · ".join(part for part in (one.name, one.field, one.employer) if part))
            for one in candidates
        ]


class SheetForm(ServiceForm):
    """One expert's sheet on one unit."""

    version = _version()
    score = forms.DecimalField(label=_("Score"), required=False, min_value=0, max_digits=5, decimal_places=2)
    suggests = forms.ChoiceField(
        label=_("Suggest for the list"), choices=YES_NO, required=False, widget=forms.RadioSelect
    )
    comment = _text(
        _("Comment"), 8, max_length=3000, help_text=_("Strengths, shortcomings, what speaks for or against.")
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        panel: Panel,
        highest: Decimal,
        tree: Tree | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.tree = tree
        if tree is not None:
            self._add_rows(tree)
        if not panel.scored or tree is not None:
            del self.fields["score"]
            return
        self.fields["score"].max_value = highest  # type: ignore[attr-defined]
        self.fields["score"].help_text = _("From 0 to %(highest)s.") % {"highest": f"{highest:f}"}
        self.fields["score"].widget.attrs["inputmode"] = "decimal"

    def _add_rows(self, tree: Tree) -> None:
        for line in tree.lines:
            most = f"{line.full.normalize():f}"
            points = forms.CharField(label=_("Points for %(row)s") % {"row": line.label}, max_length=8, required=False)
            points.widget.attrs |= {"inputmode": "decimal", "aria-describedby": f"most-{line.field}"}
            points.help_text = _("0 or %(full)s") % {"full": most} if line.is_binding else f"0–{most}"
            self.fields[f"points-{line.field}"] = points
            self.fields[f"comment-{line.field}"] = forms.CharField(
                label=_("Remark on %(row)s") % {"row": line.label}, max_length=500, required=False
            )

    @property
    def branches(self) -> list[tuple[Branch, list[tuple[Line, forms.BoundField, forms.BoundField]]]]:
        """The tree with its inputs."""
        if self.tree is None:
            return []
        return [
            (one, [(line, self[f"points-{line.field}"], self[f"comment-{line.field}"]) for line in one.lines])
            for one in self.tree.branches
        ]

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        """As the service takes them: by path."""
        given = self.cleaned_data
        return {
            line.path: {"points": given[f"points-{line.field}"], "comment": given[f"comment-{line.field}"]}
            for line in (self.tree.lines if self.tree else ())
        }

    @property
    def suggestion(self) -> bool | None:
        return AS_BOOL.get(self.cleaned_data["suggests"])


class ConclusionForm(ServiceForm):
    """The written opinion, and per unit suggestion, conclusion and, for a body, the score."""

    version = _version()
    opinion = _text(
        _("Written review opinion"),
        10,
        max_length=10000,
        help_text=_("How the review was held, what it found as a whole, and what it suggests."),
    )
    fewer = forms.CharField(
        label=_("Why a unit was judged by fewer experts than laid down"), max_length=300, required=False
    )
    upload = forms.FileField(
        label=_("Signed opinion as a file"), help_text=_("Optional: the paper with its signatures."), required=False
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        files: Any = None,
        *,
        panel: Panel,
        units: Collection[UnitRow],
        thin: bool,
    ) -> None:
        live = [unit for unit in units if unit.live]
        initial: dict[str, Any] = {"version": panel.version, "opinion": panel.opinion, "fewer": panel.fewer}
        super().__init__(data, files, initial=initial)
        if not thin:
            del self.fields["fewer"]
        self.references = [unit.case.reference for unit in live]
        for unit in live:
            self._add_unit(panel, unit)

    def _add_unit(self, panel: Panel, unit: UnitRow) -> None:
        key, name = unit.case.reference, unit.case.name
        item = unit.item
        usual = item.suggested if item.suggested is not None else _majority(unit)
        self.fields[f"suggested-{key}"] = forms.ChoiceField(
            label=_("Suggest %(name)s for the list") % {"name": name},
            choices=YES_NO,
            required=False,
            widget=forms.RadioSelect,
            initial={True: "yes", False: "no", None: ""}[usual],
        )
        self.fields[f"conclusion-{key}"] = _text(
            _("Conclusion on %(name)s") % {"name": name}, 3, max_length=2000, initial=item.conclusion
        )
        if not panel.has_seats and panel.scored:
            self.fields[f"score-{key}"] = forms.DecimalField(
                label=_("Score of %(name)s") % {"name": name},
                required=False,
                min_value=0,
                max_digits=5,
                decimal_places=2,
                initial=item.score,
            )

    def take_page(self, wrong: Invalid) -> None:
        """What is wrong on this page stands at its fields; what is missing elsewhere is counted, not listed."""
        elsewhere = {key.partition("-")[2] for key in wrong.problems if "-" in key and key not in self.fields}
        here = {key: texts for key, texts in wrong.problems.items() if key.partition("-")[2] not in elsewhere}
        if here or not elsewhere:
            self.take(Invalid(wrong.message, problems=here))
        if elsewhere:
            self.add_error(None, _("On other pages %(count)s unit(s) lack something.") % {"count": len(elsewhere)})

    def as_result(self) -> panels.Result:
        given = self.cleaned_data
        return panels.Result(
            opinion=given["opinion"],
            fewer=given.get("fewer", ""),
            units={
                key: panels.Conclusion(
                    suggested=AS_BOOL.get(given[f"suggested-{key}"]),
                    text=given[f"conclusion-{key}"],
                    score=given.get(f"score-{key}"),
                )
                for key in self.references
            },
        )


def _majority(unit: UnitRow) -> bool | None:
    """What most experts suggest; a tie is left to who writes the conclusion."""
    return None if unit.yes == unit.no else unit.yes > unit.no


class NewDecisionForm(ServiceForm):
    title = forms.CharField(label=_("Title"), max_length=160, required=False)


class DecisionForm(ServiceForm):
    """The wording, and per unit outcome and reason."""

    version = _version()
    title = forms.CharField(label=_("Title"), max_length=160, required=False)
    text = _text(
        _("Record of the overall review"),
        5,
        max_length=5000,
        help_text=_("How the list was weighed."),
    )
    met_on = DayField(
        label=_("Day of the meeting"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    participants = _text(_("Who took part"), 2, max_length=500)
    record_number = forms.CharField(label=_("Number of the record"), max_length=60, required=False)
    record_file = forms.FileField(
        label=_("Signed record as a file"), help_text=_("Optional: PDF, JPG, PNG, DOCX or XLSX."), required=False
    )
    announce_later = forms.BooleanField(
        label=_("Decide now, announce later"),
        help_text=_(
            "No applicant learns the outcome before the public notice, the announcement, or before you tell them."
        ),
        required=False,
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        files: Any = None,
        *,
        units: Iterable[Unit],
        initial: Mapping[str, Any],
        needs_record: bool = False,
    ) -> None:
        super().__init__(data, files, initial=dict(initial))
        for name in ("met_on", "participants"):
            self.fields[name].help_text = "" if needs_record else _("Optional here.")
        self.references = []
        for unit in units:
            key = unit.reference
            self.references.append(key)
            self.fields[f"outcome-{key}"] = forms.ChoiceField(
                label=_("Outcome for %(name)s") % {"name": unit.name},
                choices=Outcome.choices,
                required=False,
                widget=forms.RadioSelect,
                initial=unit.outcome,
            )
            self.fields[f"reason-{key}"] = _text(
                _("Reason for %(name)s") % {"name": unit.name}, 2, max_length=500, initial=unit.reason
            )

    def as_draft(self) -> decisions.Draft:
        given = self.cleaned_data
        return decisions.Draft(
            title=given["title"],
            text=given["text"],
            rulings={key: decisions.Ruling(given[f"outcome-{key}"], given[f"reason-{key}"]) for key in self.references},
            meeting=decisions.Meeting(
                on=given["met_on"],
                participants=given["participants"],
                number=given["record_number"],
                announce_later=given["announce_later"],
            ),
        )

    def take(self, error: Invalid) -> None:
        """What concerns a unit of another page is said on top, with the number of such units."""
        elsewhere = [key for key in error.problems if key.partition("-")[1] and key not in self.fields]
        here = {key: texts for key, texts in error.problems.items() if key not in elsewhere}
        super().take(
            Invalid(error.message, problems=here) if here else error if not elsewhere else Invalid(error.message)
        )
        if elsewhere:
            said = _("On other pages of this draft, units that are not complete: %(count)s. The first: %(first)s")
            self.add_error(None, said % {"count": len(elsewhere), "first": str(error.problems[elsewhere[0]][0])})


class RankingForm(forms.Form):
    """What the ranking is asked for; wrong values count as none, the address stays shareable."""

    order = forms.ChoiceField(choices=[("score", _("by score")), ("city", _("by city"))], required=False)
    quota = forms.IntegerField(
        label=_("What if so many could be listed?"), min_value=1, max_value=100_000, required=False
    )
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False)

    def asked(self) -> Asked:
        self.is_valid()
        given = self.cleaned_data
        return Asked(given.get("order") or "score", given.get("page") or 1, given.get("quota"))


# ---- departments are asked ------------------------------------------------------------------------------------------
class LetterForm(ServiceForm):
    """Title, number and words of the letter to the departments."""

    version = _version()
    title = forms.CharField(label=_("Title"), max_length=160, required=False)
    number = forms.CharField(
        label=_("Document number"),
        help_text=_("As your office numbers it; may follow later."),
        max_length=60,
        required=False,
    )
    text = _text(
        _("Text of the letter"),
        8,
        max_length=5000,
        help_text=_("Addressee, last day to answer and the list of units are printed by the portal."),
    )

    def as_letter(self) -> consultations.Letter:
        given = self.cleaned_data
        return consultations.Letter(given["title"], given["number"], given["text"])


class OfficeForm(ServiceForm):
    """One more department: of the portal, or by its name."""

    office = forms.TypedChoiceField(label=_("Department"), coerce=int, required=False, empty_value=None)
    name = forms.CharField(
        label=_("Or its name"),
        help_text=_("A department without an account of the portal answers on paper; you enter its answer."),
        max_length=100,
        required=False,
    )

    def __init__(self, data: Mapping[str, Any] | None, *, offices: Iterable[Any]) -> None:
        super().__init__(data)
        choices = [(one.pk, one.name) for one in offices]
        self.fields["office"].choices = [("", _("choose")), *choices]  # type: ignore[attr-defined]
        if not choices:
            del self.fields["office"]


class RulingsForm(ServiceForm):
    """What becomes of each unit that a department objects to."""

    version = _version()

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        consultation: Consultation,
        units: Iterable[consultation_reads.Unit],
    ) -> None:
        super().__init__(data, initial={"version": consultation.version})
        self.references = []
        choices = consultation_reads.adjustments(consultation)
        for unit in units:
            key = unit.reference
            self.references.append(key)
            self.fields[f"adjustment-{key}"] = forms.ChoiceField(
                label=_("What becomes of %(name)s") % {"name": unit.name},
                choices=choices,
                required=False,
                widget=forms.RadioSelect,
                initial=unit.row.adjustment,
            )
            self.fields[f"reason-{key}"] = _text(
                _("Reason for %(name)s") % {"name": unit.name}, 2, max_length=500, initial=unit.row.reason
            )

    def as_rulings(self) -> dict[str, consultations.Ruling]:
        given = self.cleaned_data
        return {
            key: consultations.Ruling(given[f"adjustment-{key}"], given[f"reason-{key}"]) for key in self.references
        }


class OpinionsForm(ServiceForm):
    """A department's words on the units of one page, and what goes with the answer."""

    number = forms.CharField(label=_("Number of the answer"), max_length=60, required=False)
    note = _text(_("Remark"), 3, max_length=2000)
    upload = forms.FileField(label=_("Signed answer as a file"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        files: Any = None,
        *,
        asked: Iterable[consultation_reads.Asked],
        checks: Collection[ConsultCheck],
    ) -> None:
        super().__init__(data, files)
        self.references: list[str] = []
        self.checks = [one.key for one in checks]
        for one in asked:
            if not one.unit.gone:
                self._add(one, checks)

    def _add(self, one: consultation_reads.Asked, checks: Collection[ConsultCheck]) -> None:
        key, name, reply = one.unit.reference, one.unit.name, one.reply
        self.references.append(key)
        for check in checks:
            self.fields[f"check-{check.key}-{key}"] = forms.ChoiceField(
                label=f"{name}：{check.text}",
                choices=YES_NO,
                required=False,
                widget=forms.RadioSelect,
                initial=reply.checks.get(check.key, "") if reply else "",
            )
        self.fields[f"verdict-{key}"] = forms.ChoiceField(
            label=_("Opinion on %(name)s") % {"name": name},
            choices=Verdict.choices,
            required=False,
            widget=forms.RadioSelect,
            initial=reply.verdict if reply else "",
        )
        self.fields[f"reason-{key}"] = _text(
            _("Facts and reason for %(name)s") % {"name": name},
            2,
            max_length=1000,
            initial=reply.reason if reply else "",
        )

    def as_opinions(self) -> dict[str, opinions.Opinion]:
        given = self.cleaned_data
        return {
            key: opinions.Opinion(
                given[f"verdict-{key}"],
                given[f"reason-{key}"],
                {check: given[f"check-{check}-{key}"] for check in self.checks},
            )
            for key in self.references
        }

    def as_cover(self) -> opinions.Cover:
        given = self.cleaned_data
        return opinions.Cover(given["number"], given["note"], given["upload"])


class PlanVisitForm(ServiceForm):
    planned_on = _day(_("Day of the visit"))
    purpose = forms.CharField(label=_("What it is about"), max_length=200, required=False)


class RecordVisitForm(ServiceForm):
    visited_on = _day(_("Visited on"))
    persons = forms.CharField(label=_("Who came"), max_length=300, required=False)
    advice = _text(_("What was advised"), 5, max_length=5000, help_text=_("The unit reads it."))
