"""Pages of an organisation's own people: register, profile, sites, honours, colleagues."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.accounts.states import CAPACITY_KEY
from greenlist.core import clock
from greenlist.core.errors import Conflict, Invalid, NotVisible
from greenlist.core.http import Request
from greenlist.organisations import forms, rules, selectors, services
from greenlist.organisations.models import Organisation

get_or_post = require_http_methods(["GET", "POST"])
REFUSED = 422


def status_of(form: forms.ServiceForm) -> int:
    return REFUSED if form.errors else 200


def steps(current: int) -> list[dict[str, str]]:
    """The three steps of registering, for the stepper."""
    labels = [_("Your account"), _("Credit code"), _("Name and places"), _("Profile")]
    states = ["done" if n < current else "current" if n == current else "future" for n in range(len(labels))]
    return [{"label": label, "state": state} for label, state in zip(labels, states, strict=True)]


def own_id(request: Request) -> int:
    """The organisation one acts for. Raises NotVisible."""
    if request.actor.organisation_id is None:
        raise NotVisible
    return int(request.actor.organisation_id)


@login_not_required
@get_or_post
def register(request: Request) -> HttpResponse:
    """Step two of registering (the account is step one): which code."""
    if not request.user.is_authenticated:
        return redirect(f"{reverse('accounts:register')}?{urlencode({'next': request.path})}")
    form = forms.CodeForm(request.POST or None)
    taken = None
    if request.method == "POST" and form.is_valid():
        known = selectors.known_code(form.cleaned_data["code"])
        if known is None or known.claim == Organisation.Claim.UNCLAIMED:
            return redirect("organisations:register_details", form.cleaned_data["kind"], form.cleaned_data["code"])
        taken = known
    context = {"form": form, "taken": taken, "steps": steps(1)}
    return render(request, "organisations/register.html", context, status=REFUSED if form.errors or taken else 200)


@get_or_post
def register_details(request: Request, kind: str, code: str) -> HttpResponse:
    """Step three: name and places; an organisation known from a list is claimed instead of made."""
    if kind not in Organisation.Kind.values:
        raise Http404
    code = rules.clean_code(code)
    known = selectors.known_code(code)
    form = forms.RegisterForm(request.POST or None, initial={"name": known.name if known else ""})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.register(code=code, kind=kind, **form.cleaned_data, actor=request.actor, at=clock.now())
        except Conflict as error:
            form.add_error(None, str(error.message))
        except Invalid as error:
            form.take(error)
        else:
            request.session[CAPACITY_KEY] = f"o{made.pk}"
            messages.success(request, _("Registered. You can fill in the profile and start drafts at once."))
            return redirect("organisations:profile")
    context = {"form": form, "known": known, "code": code, "steps": steps(2)}
    return render(request, "organisations/register_details.html", context, status=status_of(form))


@require_GET
def profile(request: Request) -> HttpResponse:
    """One's own organisation; who belongs to none is led to registering."""
    if request.actor.organisation_id is None:
        return redirect("organisations:register")
    page = selectors.page_of(request.actor, own_id(request))
    context = {"page": page, "rows": summary(page.organisation), "missing": labels_of(page.missing)}
    return render(request, "organisations/profile.html", context)


def labels_of(names: list[str]) -> list[str]:
    words = {field.name: str(field.verbose_name) for field in Organisation._meta.fields}
    return [words[name] for name in names]


def summary(organisation: Organisation) -> list[dict[str, object]]:
    """Name and value of each profile field, in the order of the form; contacts are shown elsewhere."""
    yes = {True: _("yes"), False: _("no"), None: ""}
    return [
        {"label": _("Unified social credit code"), "value": organisation.code},
        {"label": _("Kind of organisation"), "value": organisation.get_kind_display()},
        {"label": _("Registered in"), "value": organisation.area.full_name},
        {"label": _("Registered address"), "value": organisation.address},
        {"label": _("Industry"), "value": organisation.industry},
        {"label": _("Main products"), "value": organisation.products},
        {"label": _("Legal representative"), "value": organisation.legal_representative},
        {"label": _("Founded on"), "value": organisation.founded_on},
        {"label": _("Size"), "value": organisation.get_size_display()},
        {
            "label": _("Independent legal person, or accounted as one"),
            "value": yes[organisation.independent_accounting],
        },
        {"label": _("Really manufactures"), "value": yes[organisation.manufacturing]},
    ]


@get_or_post
def profile_edit(request: Request) -> HttpResponse:
    organisation = selectors.visible(request.actor, own_id(request))
    form = forms.ProfileForm(request.POST or None, initial=forms.ProfileForm.of(organisation))
    if request.method == "POST" and form.is_valid():
        try:
            services.change_profile(
                organisation_id=organisation.pk,
                profile=services.Profile(**form.cleaned_data),
                actor=request.actor,
                at=clock.now(),
            )
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("organisations:profile")
    context = {"form": form, "organisation": organisation}
    return render(request, "organisations/profile_edit.html", context, status=status_of(form))


@get_or_post
def site_edit(request: Request, pk: int | None = None) -> HttpResponse:
    """Adds a site (no pk) or changes one."""
    organisation_id = own_id(request)
    site = selectors.site_of(request.actor, pk) if pk else None
    initial = {"name": site.name, "area": site.area, "address": site.address} if site else {}
    form = forms.SiteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_site(
                organisation_id=organisation_id, site_id=pk, **form.cleaned_data, actor=request.actor, at=clock.now()
            )
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("organisations:profile")
    return render(request, "organisations/site.html", {"form": form, "site": site}, status=status_of(form))


@get_or_post
def honours(request: Request) -> HttpResponse:
    organisation = selectors.visible(request.actor, own_id(request))
    form = forms.HonourForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_honour(
                organisation_id=organisation.pk, **form.cleaned_data, actor=request.actor, at=clock.now()
            )
        except Invalid as error:
            form.take(error)
        else:
            return redirect("organisations:honours")
    context = {"form": form, "honours": organisation.honours.order_by("-year", "pk")}
    return render(request, "organisations/honours.html", context, status=status_of(form))


@require_POST
def honour_remove(request: Request, pk: int) -> HttpResponse:
    services.remove_honour(organisation_id=own_id(request), honour_id=pk, actor=request.actor, at=clock.now())
    return redirect("organisations:honours")


@get_or_post
def members(request: Request) -> HttpResponse:
    """Colleagues and waiting invitations; owners invite here."""
    identity = own_id(request)
    form = forms.InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.invite(organisation_id=identity, **form.cleaned_data, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("The invitation is on its way. Its link can be used once, within 7 days."))
            return redirect("organisations:members")
    people, waiting = selectors.members(request.actor, identity)
    context = {
        "form": form if rules.is_owner(request.actor, identity) else None,
        "people": people,
        "waiting": waiting,
        "now": clock.now(),
        "may_end": rules.is_owner(request.actor, identity),
    }
    return render(request, "organisations/members.html", context, status=status_of(form))


@require_POST
def membership_end(request: Request, pk: int) -> HttpResponse:
    ended = services.end_membership(
        organisation_id=own_id(request), membership_id=pk, actor=request.actor, at=clock.now()
    )
    messages.success(request, _("The membership has ended."))
    return redirect("portal:home" if ended.user_id == request.actor.user_id else "organisations:members")


@require_POST
def membership_prolong(request: Request, pk: int) -> HttpResponse:
    """Another last day for an agent."""
    form = forms.ProlongForm(request.POST)
    ends_on = form.cleaned_data["ends_on"] if form.is_valid() else None  # the service says what is wrong, and to whom
    try:
        services.prolong_agent(
            organisation_id=own_id(request), membership_id=pk, ends_on=ends_on, actor=request.actor, at=clock.now()
        )
        messages.success(request, _("Saved."))
    except Invalid as error:
        messages.error(request, str(error.message))
    return redirect("organisations:members")


@login_not_required
@get_or_post
def accept(request: Request, token: str) -> HttpResponse:
    """Shows an invitation to whoever holds its link; joining asks for an account."""
    invitation = services.invitation_of(token, at=clock.now())
    if request.method == "POST" and request.user.is_authenticated:
        joined = services.accept_invitation(token=token, actor=request.actor, at=clock.now())
        request.session[CAPACITY_KEY] = f"o{joined.organisation_id}"
        messages.success(request, _("You have joined."))
        return redirect("organisations:profile")
    return render(request, "organisations/accept.html", {"invitation": invitation})


@require_GET
def industries(request: Request) -> HttpResponse:
    """Suggestions for an industry field: options of a datalist."""
    words = next((str(value) for _key, value in request.GET.items()), "")
    return render(request, "organisations/_industries.html", {"industries": selectors.find_industries(words)})
