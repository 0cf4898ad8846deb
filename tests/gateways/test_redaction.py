"""What must not be in a log is taken out, wherever it stands in a line; the rest stays."""

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.redaction import GONE, redacted


@pytest.mark.parametrize(
    "secret",
    [
        "ada@example.com",
        "a.b+c@sub.example.co.uk",
        "4242424242424242",
        "4242 4242 4242 4242",
        "5555-5555-5555-4444",
        "378282246310005",
        "sk_test_51AbC",
        "rk_live_9zz",
        "whsec_abc123",
        "mp_live_0123456789",
        "mp_pk_test_0123",
        "mp_at_abcdef",
        "pi_3dHQFb_secret_Zx81",
        "Bearer eyJhbGciOi.J9.x-y",
        "milepost_app:hunter22",
    ],
)
def test_a_secret_is_gone_from_the_middle_of_a_text(secret: str) -> None:
    where = f"://{secret}@db:5432/x" if ":" in secret else f"cannot do it with {secret}, sorry"
    line = redacted(where)
    assert secret not in line
    assert GONE in line
    assert redacted({"a": [{"b": (secret.encode(),)}]}) == {"a": [{"b": [redacted(secret)]}]}


@pytest.mark.parametrize(
    "text",
    ["order 1001 of demo", "co_2g2dhs7vwxa6vt2wqzwxspdaaz", "2026-11-25T12:00:00.123456Z", "1795607577068", "req_0f3a"],
)
def test_what_support_needs_stays(text: str) -> None:
    assert redacted(text) == text


def test_named_fields_are_gone_whatever_is_in_them() -> None:
    found = redacted({"event": "x", "address": {"line1": "2 Rue"}, "details": {"line1": "2 Rue", "count": 3}})
    assert found == {"event": "x", "address": GONE, "details": {"line1": GONE, "count": 3}}


def test_rows_that_a_database_quotes_are_gone() -> None:
    quoted = (
        "violates check\nDETAIL:  Failing row contains (demo, co_1, 2 Rue (3e)\n, Ada).\n[SQL: UPDATE x]\n"
        "[parameters: {'a': '2 Rue'}]"
    )
    assert not any(part in redacted(quoted) for part in ("Rue", "Ada"))
    assert "UPDATE x" in redacted(quoted)


def test_json_that_a_database_quotes_is_gone() -> None:
    quoted = (
        "unsupported Unicode escape sequence\nDETAIL:  \\u0000 cannot be converted to text.\n"
        'CONTEXT:  JSON data, line 1: ...ta":{"name":"Ada","street":"12 Rue\\u0000...\nunnamed portal parameter $1 = .'
    )
    assert not any(part in redacted(quoted) for part in ("Rue", "Ada"))
    assert "cannot be converted" in redacted(quoted)
    assert "parameter $1" in redacted(quoted)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
    )
)
def test_anything_can_be_redacted_and_is_json_then(value: object) -> None:
    json.dumps(redacted(value))
    assert redacted(redacted(value)) == redacted(value)


PROGRAM = """
import logging, structlog
from gateways.logs import configure
configure("INFO")
street = "2 Rue de la Paix"
try:
    raise ValueError("ada@example.com pays with 4242424242424242")
except ValueError:
    structlog.get_logger().exception("ours", email="ada@example.com")
    logging.getLogger("uvicorn.error").exception("a library's, with Bearer abcdefgh")
"""


def test_tracebacks_and_libraries_lines_are_json_and_redacted() -> None:
    """In a process of its own: logging is set up once a process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"][:4] for line in lines] == ["ours", "a li"]
    assert all("Traceback" in line["exception"] and GONE in line["exception"] for line in lines)
    assert not any(part in done.stderr + done.stdout for part in ("ada@", "4242", "abcdefgh", "Paix"))
    assert logging.getLogger("gateways") is not None


SERVED = """
import logging, sys
from uvicorn.config import Config
from gateways.logs import configure
Config("x:y", access_log=sys.argv[1] == "yes")
configure("INFO")
logging.getLogger("uvicorn.error").info("started")
print(logging.getLogger("uvicorn.access").hasHandlers())
"""


@pytest.mark.parametrize(("asked", "written"), [("yes", "True"), ("no", "False")])
def test_a_server_that_is_to_keep_no_access_log_keeps_none(asked: str, written: str) -> None:
    done = subprocess.run([sys.executable, "-c", SERVED, asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == written
    assert "started" in done.stderr
