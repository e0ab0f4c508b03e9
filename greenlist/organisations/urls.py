from django.urls import path

from greenlist.organisations import views
from greenlist.organisations.views import bodies

app_name = "organisations"
urlpatterns = [
    # one's own organisation
    path("register/", views.register, name="register"),
    path("register/<str:kind>/<str:code>/", views.register_details, name="register_details"),
    path("", views.profile, name="profile"),
    path("edit/", views.profile_edit, name="profile_edit"),
    path("sites/new/", views.site_edit, name="site_add"),
    path("sites/<int:pk>/", views.site_edit, name="site_edit"),
    path("honours/", views.honours, name="honours"),
    path("honours/<int:pk>/remove/", views.honour_remove, name="honour_remove"),
    path("members/", views.members, name="members"),
    path("members/<int:pk>/end/", views.membership_end, name="membership_end"),
    path("members/<int:pk>/until/", views.membership_prolong, name="membership_prolong"),
    path("invitation/<str:token>/", views.accept, name="accept"),
    # one's own third-party body
    path("body/edit/", bodies.edit, name="body-edit"),
    path("body/staff/", bodies.staff, name="body-staff"),
    path("body/staff/<int:pk>/remove/", bodies.staff_remove, name="body-staff-remove"),
    path("body/experience/", bodies.experience, name="body-experience"),
    path("body/experience/<int:pk>/remove/", bodies.experience_remove, name="body-experience-remove"),
    path("body/proofs/", bodies.proof, name="body-proof"),
    path("body/proofs/<int:pk>/remove/", bodies.proof_remove, name="body-proof-remove"),
    # officials
    path("search/", views.search, name="search"),
    path("of/<int:pk>/", views.detail, name="detail"),
    path("of/<int:pk>/contact/", views.contact, name="contact"),
    path("of/<int:pk>/striving/", views.striving, name="striving"),
    path("claims/", views.claims, name="claims"),
    path("claims/<int:pk>/", views.claim, name="claim"),
    path("adverse/", views.adverse, name="adverse"),
    path("adverse/new/", views.adverse_add, name="adverse_add"),
    path("adverse/<int:pk>/", views.adverse_record, name="adverse_record"),
    path("adverse/<int:pk>/evidence/", views.adverse_evidence, name="adverse_evidence"),
    path("adverse/<int:pk>/correct/", views.adverse_correct, name="adverse_correct"),
    path("adverse/import/", views.adverse_import, name="adverse_import"),
    path("adverse/names/", views.adverse_matches, name="adverse_matches"),
    path("adverse/names/<int:pk>/", views.adverse_match, name="adverse_match"),
    path("of/<int:pk>/firms/", views.park_firms, name="park_firms"),
    path("firms/<int:pk>/left/", views.park_firm_left, name="park_firm_left"),
    # suggestions
    path("industries/", views.industries, name="industries"),
]
