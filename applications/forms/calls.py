"""The form of a call, built from what its rule set asks for, and each N-rule with keep, edit or drop (QHD-N0)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.services.calls import TYPED_HERE, Draft
from greenlist.accounts.models import Area
from greenlist.core.errors import Invalid
from greenlist.core.forms import DayField, ServiceForm
from greenlist.organisations.models import Category
from greenlist.policy import words
from greenlist.policy.engine.types import Ask, Policy

USES = (("keep", _("keep")), ("edit", _("change the wording")), ("drop", _("do not use")))


class CallForm(ServiceForm):
    """Values by `value_<ask>`, N-rules by `layer_<id>` and `text_<id>`. Missing values are no error: it is a draft."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    category = forms.ChoiceField(label=_("List"))
    year = forms.IntegerField(label=_("Year"), min_value=2020, max_value=2100)
    title = forms.CharField(label=_("Title"), max_length=160)
    number = forms.CharField(
        label=_("Document number"),
        max_length=60,
        required=False,
        help_text=_("As the office gave it; it is never generated."),
    )
    issued_on = DayField(label=_("Date of issue"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(label=_("Text"), required=False, widget=forms.Textarea(attrs={"rows": 8}))
    contact_name = forms.CharField(label=_("Contact person"), max_length=40, required=False)
    contact_phone = forms.CharField(label=_("Telephone"), max_length=40, required=False)
    second_round_reason = forms.CharField(
        label=_("Reason for a further call in the same year"),
        max_length=300,
        required=False,
        help_text=_("Only where this list has had a call this year already."),
    )

    def __init__(self, rules: Policy, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rules = rules
        labels = dict(Category.choices)
        self.fields["category"].choices = [(key, labels[Category(key)]) for key in rules.categories]  # type: ignore[attr-defined]
        for ask in rules.asks.values():
            if ask.key not in TYPED_HERE:
                self.fields[f"value_{ask.key}"] = _asked(rules, ask)
        for rule in rules.layer:
            clause = rules.clauses.get(rule.clause)
            self.fields[f"layer_{rule.id}"] = forms.ChoiceField(
                label=clause.article if clause else rule.clause,
                choices=USES,
                required=False,
                initial="keep",
                widget=forms.RadioSelect,
                help_text=words.text(rule.text),
            )
            self.fields[f"text_{rule.id}"] = forms.CharField(
                label=_("Wording in this call"),
                required=False,
                max_length=1000,
                widget=forms.Textarea(attrs={"rows": 3}),
            )

    def draft(self) -> Draft:
        """What the service takes. Call after `is_valid()`."""
        given = self.cleaned_data
        return Draft(
            version_id=given["version"],
            category=given["category"],
            year=given["year"],
            title=given["title"],
            number=given["number"],
            issued_on=given["issued_on"],
            text=given["text"],
            contact_name=given["contact_name"],
            contact_phone=given["contact_phone"],
            second_round_reason=given["second_round_reason"],
            values={key: value for key in self.rules.asks if (value := self._value(key)) not in (None, "", [])},
            layer={rule.id: self._use(rule.id) for rule in self.rules.layer},
        )

    def _value(self, key: str) -> Any:
        value = self.cleaned_data.get(f"value_{key}")
        if isinstance(value, date):
            return value.isoformat()
        if self.rules.asks[key].type == "yesno" and value is not None:
            return {"yes": True, "no": False}.get(value)
        return value

    def _use(self, rule: str) -> Any:
        use = self.cleaned_data[f"layer_{rule}"] or "keep"
        return {"use": "edit", "text": self.cleaned_data[f"text_{rule}"]} if use == "edit" else use

    def take(self, error: Invalid) -> None:
        named = {path if path in self.fields else f"value_{path}": texts for path, texts in error.problems.items()}
        super().take(Invalid(error.message, problems=named))

    @property
    def days(self) -> dict[str, date]:
        """The days as they stand in the form now, by the name of their control."""
        found = {}
        for name in (f"value_{ask.key}" for ask in self.rules.asks.values() if ask.type == "day"):
            try:
                found[name] = date.fromisoformat(str(self[name].value() or ""))
            except ValueError:
                continue
        return found

    @property
    def layer_rows(self) -> list[tuple[Any, Any]]:
        """The two controls of each N-rule, for the template."""
        return [(self[f"layer_{rule.id}"], self[f"text_{rule.id}"]) for rule in self.rules.layer]

    @property
    def value_rows(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith("value_")]

    @property
    def head_rows(self) -> list[Any]:
        return [self[name] for name in ("category", "year", "title", "number", "issued_on", "text")]


def _asked(rules: Policy, ask: Ask) -> forms.Field:
    clause = rules.clauses.get(ask.clause)
    basis = clause.article if clause else ""
    options: dict[str, Any] = {
        "label": words.text(ask.label) + (f"（{basis}）" if basis else ""),
        "help_text": words.text(ask.help),
        "required": False,
    }
    choices = [(choice.key, words.text(choice.label)) for choice in ask.of]
    match ask.type:
        case "day":
            return DayField(widget=forms.DateInput(attrs={"type": "date"}), **options)
        case "choice":
            return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **options)
        case "list":
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **options)
        case "number":
            return forms.FloatField(**options)
        case "yesno":
            yes_no = [("yes", _("yes")), ("no", _("no"))]
            return forms.ChoiceField(choices=yes_no, widget=forms.RadioSelect, **options)
    return forms.CharField(max_length=300, **options)


def initial(draft: Mapping[str, Any], values: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Start values of the form from a call's own values and layer."""
    found: dict[str, Any] = dict(draft)
    for key, value in values.items():
        found[f"value_{key}"] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    for rule, chosen in layer.items():
        use = chosen.get("use", "keep") if isinstance(chosen, Mapping) else chosen
        found[f"layer_{rule}"] = use
        found[f"text_{rule}"] = chosen.get("text", "") if isinstance(chosen, Mapping) else ""
    return found


class ExtendForm(ServiceForm):
    step = forms.ChoiceField(label=_("Step"))
    area = forms.ModelChoiceField(
        label=_("For whom"), queryset=Area.objects.none(), required=False, empty_label=_("everybody")
    )
    new_day = DayField(label=_("New last day"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, steps: list[tuple[str, str]], areas: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["step"].choices = steps  # type: ignore[attr-defined]
        self.fields["area"].queryset = areas  # type: ignore[attr-defined]


class LocalDayForm(ServiceForm):
    new_day = DayField(label=_("Last day for firms"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=_("Note"), max_length=300, required=False)


class PlacesForm(ServiceForm):
    """`areas`: (key, name) of those who may be given places."""

    area = forms.TypedChoiceField(label=_("For whom"), coerce=int)
    number = forms.IntegerField(label=_("Places"), min_value=0, max_value=100_000)
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Needed where it is more than the share of the stock."),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, areas: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["area"].choices = areas  # type: ignore[attr-defined]


class CloseForm(ServiceForm):
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)
