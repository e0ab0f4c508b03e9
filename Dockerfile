# One image for web, worker and beat. No secret is baked in: every value comes from the environment (.env.example).
FROM python:3.11-slim-bookworm

# Pango lays out documents, the Noto fonts carry every Chinese character that may occur in a name.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /srv/greenlist --shell /usr/sbin/nologin greenlist

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=greenlist.settings.prod \
    VAR_DIR=/srv/greenlist/var \
    STATIC_ROOT=/srv/greenlist/static

WORKDIR /srv/greenlist/app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY . .
# The catalogue and the static files need no secret; the demo's settings serve to build them.
RUN python tests/tools/messages.py compile \
    && mkdir -p /srv/greenlist/var \
    && DJANGO_SETTINGS_MODULE=greenlist.settings.dev VAR_DIR=/tmp/build python manage.py collectstatic --no-input \
    && python -m whitenoise.compress --quiet /srv/greenlist/static \
    && rm -rf /tmp/build \
    && chown -R greenlist:greenlist /srv/greenlist/var

USER greenlist
VOLUME /srv/greenlist/var
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/livez', headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0]}), timeout=4)"]
CMD ["gunicorn", "greenlist.wsgi", "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--bind", "0.0.0.0:8000"]
