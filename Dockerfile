# One image for the API, the worker and the `milepost` command; docker-compose.yml says which of them a container is.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie

FROM ${PYTHON_IMAGE} AS packages
COPY requirements.runtime.lock /tmp/
# Wheels only: nothing is compiled and nothing but the locked files is installed. The environment itself has no pip.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/milepost \
    && pip --python /opt/milepost/bin/python install --disable-pip-version-check --root-user-action ignore \
        --require-hashes --only-binary :all: --requirement /tmp/requirements.runtime.lock

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Milepost" \
      org.opencontainers.image.description="An order engine: from checkout to doorstep, on Temporal, PostgreSQL and Stripe"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin milepost
COPY --from=packages /opt/milepost /opt/milepost
ENV PATH=/opt/milepost/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY deploy/milepost /opt/milepost/bin/
# pyproject.toml says where the migrations are.
COPY pyproject.toml cli.py settings.py worker.py ./
COPY activities/ activities/
COPY api/ api/
COPY domain/ domain/
COPY gateways/ gateways/
COPY models/ models/
COPY workflows/ workflows/
RUN python -m compileall -q /app
USER 10001:10001
EXPOSE 8000
CMD ["milepost", "--help"]
