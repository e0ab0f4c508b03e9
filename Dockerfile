# One image for web, worker and beat. No secret is baked in: every value comes from the environment (.env.example).
FROM python:3.11-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/srv/greenlist/venv/bin:$PATH

# ── What is only needed to build ──────────────────────────────────────────────────────────────────────────────────
FROM base AS build
# pg_dump and pg_restore for `backup` and `restore`: as old as or newer than the server they are used with.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client-15
WORKDIR /srv/greenlist/app
COPY requirements.txt ./
RUN python -m venv /srv/greenlist/venv \
    && pip install --no-cache-dir --no-compile --require-hashes -r requirements.txt
COPY . .
# Catalogue and static files need no secret: the demo's settings serve to build them.
RUN python tests/tools/messages.py compile \
    && DJANGO_SETTINGS_MODULE=greenlist.settings.dev VAR_DIR=/tmp/build STATIC_ROOT=/srv/greenlist/static \
       python manage.py collectstatic --no-input \
    && python -m whitenoise.compress --quiet /srv/greenlist/static \
    && rm -rf tests

# ── What runs ─────────────────────────────────────────────────────────────────────────────────────────────────────
FROM base
# Pango lays out documents, the Noto fonts carry every Chinese character that may occur in a name.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk libpq5 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /srv/greenlist --shell /usr/sbin/nologin greenlist \
    && install -d -o greenlist -g greenlist /srv/greenlist/var /srv/greenlist/backups
COPY --from=build /usr/lib/postgresql/15/bin/pg_dump /usr/lib/postgresql/15/bin/pg_restore /usr/local/bin/
COPY --from=build /srv/greenlist/venv /srv/greenlist/venv
COPY --from=build /srv/greenlist/static /srv/greenlist/static
COPY --from=build /srv/greenlist/app /srv/greenlist/app

ENV DJANGO_SETTINGS_MODULE=greenlist.settings.prod \
    VAR_DIR=/srv/greenlist/var \
    STATIC_ROOT=/srv/greenlist/static \
    METRICS_DIR=/tmp/metrics \
    WEB_BIND=0.0.0.0:8000

WORKDIR /srv/greenlist/app
USER greenlist
VOLUME ["/srv/greenlist/var", "/srv/greenlist/backups"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", ".deploy/alive.py"]
CMD ["gunicorn", "-c", ".deploy/gunicorn.py"]
