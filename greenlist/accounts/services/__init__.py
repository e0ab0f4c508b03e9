"""The verbs of people and places, used through the module: `services.grant_mandate(…)`."""

from greenlist.accounts.services.areas import SeedArea, load_areas, save_area, save_authority, seed_areas
from greenlist.accounts.services.mandates import AlreadyHeld, change_mandate, end_mandate, grant_mandate
from greenlist.accounts.services.passwords import (
    LinkUsed,
    change_password,
    request_reset,
    reset_password,
    send_due_resets,
    tell_of_lock,
    user_of_link,
)
from greenlist.accounts.services.people import (
    UsernameTaken,
    change_email,
    change_person,
    change_profile,
    choose_language,
    clean_username,
    create_person,
    end_sessions,
    note_sign_in,
    register,
    set_active,
)

__all__ = [
    "AlreadyHeld",
    "LinkUsed",
    "SeedArea",
    "UsernameTaken",
    "change_email",
    "change_mandate",
    "change_password",
    "change_person",
    "change_profile",
    "choose_language",
    "clean_username",
    "create_person",
    "end_mandate",
    "end_sessions",
    "grant_mandate",
    "load_areas",
    "note_sign_in",
    "register",
    "request_reset",
    "reset_password",
    "save_area",
    "save_authority",
    "seed_areas",
    "send_due_resets",
    "set_active",
    "tell_of_lock",
    "user_of_link",
]
