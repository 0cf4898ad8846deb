# One image for the API, the worker and the `milepost` command: docker-compose.yml says which a container runs.
FROM python:3.13.11-slim-bookworm AS packages
COPY requirements.runtime.lock /
RUN python -m venv --without-pip /opt/milepost \
    && python -m pip --python /opt/milepost/bin/python --disable-pip-version-check --no-cache-dir \
        install --require-hashes --only-binary :all: -r /requirements.runtime.lock \
    && printf '#!/opt/milepost/bin/python\nfrom cli import app\n\napp()\n' >/opt/milepost/bin/milepost \
    && chmod 755 /opt/milepost/bin/milepost

FROM python:3.13.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin milepost
COPY --from=packages /opt/milepost /opt/milepost
WORKDIR /srv/milepost
COPY activities activities
COPY api api
COPY domain domain
COPY gateways gateways
COPY models models
COPY workflows workflows
COPY cli.py settings.py worker.py pyproject.toml ./
ENV PATH=/opt/milepost/bin:$PATH \
    PYTHONPATH=/srv/milepost \
    PYTHONUNBUFFERED=1
# Compiled while the files can still be written; hashes, because a copy of the image may change their times.
RUN python -m compileall -q --invalidation-mode unchecked-hash /srv/milepost
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000 8001
CMD ["milepost", "--help"]
