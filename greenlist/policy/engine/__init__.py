"""The rule engine. Pure: no Django, no clock, no I/O. Everything public is here; `types` holds the shapes.

load(files, facts) → Policy                      every mistake of the files at once, as PolicyErrors
build(raw, facts) → Policy                       the same from a stored canonical form
digest(raw) → str
bind(policy, call) → BoundPolicy                 fills "$call.*" and "$owner"; drops what the call dropped
suggest(policy, year) → dict                     what the page of a new call shows first
route(bound, category, mode) → (Step, …)
after(bound, step_key, result) → Step | End
wanted(bound, point) → Wanted;  candidates(bound, on, point) → EventFilter
check(bound, point, facts, events, on) → (Finding, …)
judge(bound, checklist_key, answers) → (Finding, …)      an official's yes / no / fix, item by item
criteria_for(bound, category) → CriteriaRule
aggregate(bound, sheets, key) → Score;  order(bound, candidates) → (Ranked, …)
due(rule, year, extension) → date;  closes_at(day) → datetime (the first moment that is too late)
period(rule, start, calendar, planning=False) → Period;  working_days_left(calendar, today, ends) → int
forms: validate(form, data, partial=False), values(form, data), progress(form, data), figures(form, data), blank(form)
"""
