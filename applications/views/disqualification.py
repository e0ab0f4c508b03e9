"""The page that ends a case which a rule bars."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applications.forms.disqualification import DisqualifyForm
from applications.selectors import calls
from applications.selectors import cases as reads
from applications.selectors.filling import finding_shown
from applications.services import disqualification
from greenlist.core import clock
from greenlist.core.errors import Invalid
from greenlist.core.http import Request


@require_http_methods(["GET", "POST"])
def disqualify(request: Request, reference: str) -> HttpResponse:
    actor, now = request.actor, clock.now()
    case = reads.case_to_end(actor, reference)
    form = DisqualifyForm(request.POST or None, initial={"revision": case.revision})
    if request.method == "POST" and form.is_valid():
        try:
            disqualification.disqualify(actor=actor, at=now, reference=reference, **form.cleaned_data)
        except Invalid as wrong:
            for field, texts in wrong.problems.items():
                form.add_error(field, [str(text) for text in texts])
        else:
            messages.success(request, _("The case is disqualified; the applicant has been told."))
            return redirect("applications:case", reference)
    bound = calls.rules_of(case.call)
    findings = [finding_shown(bound, one) for one in disqualification.barring(case, at=now)]
    context = {"case": case, "form": form, "findings": findings}
    return render(request, "applications/disqualify.html", context, status=422 if form.is_bound else 200)


urlpatterns: list[URLPattern] = [path("cases/<str:reference>/disqualify/", disqualify, name="disqualify")]
