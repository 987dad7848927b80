# A production image: the locked dependencies without the `local` extra, run by an unprivileged user.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
COPY requirements.lock /src/
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r /src/requirements.lock
COPY pyproject.toml README.md /src/
COPY agent /src/agent
COPY nurseries /src/nurseries
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation /src

FROM ${BASE}
RUN useradd --system --uid 10001 --home-dir /data --create-home calling-agent
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    APP_ENV=production HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /data
USER 10001
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s \
  CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", 3000)}/health/live')"]
ENTRYPOINT ["calling-agent"]
CMD ["serve"]
