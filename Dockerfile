# A production image: the locked dependencies without the `local` extra, run by an unprivileged user on a read-only root.
# Only /data and /tmp are written to. Built and run without an engine: ops/ci/image, ops/ci/image-check.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Or requirements-traces.lock, with what sends traces: docs/traces.md.
ARG LOCK=requirements.lock
COPY ${LOCK} ./requirements.lock
RUN --mount=type=cache,target=/var/cache/pip \
    python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --quiet --no-compile --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md ./
COPY agent agent
COPY nurseries nurseries
# What builds the project, its dependencies' own tests, and places and carriers of telephone numbers have no business in
# production. The root is read-only later, so that what is imported is compiled now; what never is, is not.
RUN /opt/venv/bin/pip install --quiet --no-compile --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/venv/bin/pip uninstall --quiet --yes hatchling pathspec trove-classifiers pluggy setuptools pip \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} + \
 && rm -r /opt/venv/lib/python3*/site-packages/phonenumbers/geodata \
          /opt/venv/lib/python3*/site-packages/phonenumbers/carrierdata \
          /opt/venv/lib/python3*/site-packages/onnxruntime/transformers \
          /opt/venv/lib/python3*/site-packages/onnxruntime/tools \
 && find /opt/venv -name __pycache__ -prune -exec rm -r {} + \
 && /opt/venv/bin/python -m compileall -q -x '/(twilio/rest|onnxruntime/quantization|phonenumbers/shortdata)/' \
      /opt/venv/lib \
 && /opt/venv/bin/python -c "import agent.providers.twilio_rest, nurseries.serve"

FROM ${BASE}
ARG VERSION=0.0.0 REVISION=unknown
LABEL org.opencontainers.image.title="calling-agent" \
      org.opencontainers.image.description="Answers and places phone calls with an AI voice agent" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --system --gid 10001 calling-agent \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin calling-agent
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    APP_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /data
USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
# Liveness, which stays 200 while the process drains: a container that still holds calls must not be replaced.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=2)"]
# The exec form: the server is process 1 itself, and has the signals.
ENTRYPOINT ["calling-agent"]
CMD ["serve"]
