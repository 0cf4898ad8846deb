"""GraphQL, asked at random: whatever the document, there is an answer, and each error in it has a code."""

import sys
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from schemathesis import CheckContext, Response
from schemathesis.graphql import nodes

from api.graph.route import PATH
from api.graph.schema import SCHEMA
from domain.money import MAX_MINOR
from sandbox.stack import Stack
from tests.flow.kit import KEY
from tests.fuzz import plan

pytestmark = pytest.mark.timeout(3_600 if plan.EXAMPLES else 480)

FEW = 15
"""Documents for each field at the root."""

schemathesis.graphql.scalar("MinorUnits", st.integers(-MAX_MINOR, MAX_MINOR).map(nodes.Int))


@schemathesis.check
def each_error_has_a_code(ctx: CheckContext, response: Response, case: schemathesis.Case[Any]) -> bool | None:
    """docs/graphql.md: 200 with `errors`, each with the code and the status that the route beside it would have."""
    if not case.path.endswith("/graphql"):  # a check is everybody's once it is registered; this one is of GraphQL alone
        return None
    if response.status_code in (400, 405, 415, 422):  # not GraphQL over HTTP: a problem like any other
        assert response.json()["code"]
        return None
    assert response.status_code == 200, response.text
    for error in response.json().get("errors", ()):
        told = error["extensions"]
        assert told["code"], error
        assert told["status"] < 500, error
        assert error["message"] == told["detail"]
    return None


def test_a_question_gets_an_answer_or_errors_with_codes(stack: Stack) -> None:
    config = plan.config(
        stack.links.api + PATH,
        KEY,
        generation={"max-examples": plan.EXAMPLES or FEW},
        # What is not there is an error with its code; `each_error_has_a_code` finds those that are our fault.
        checks={"not_a_server_error": {"enabled": False}},
    )
    done = plan.run(schemathesis.graphql.from_file(SCHEMA.as_str(), config=config))
    sys.stdout.write(f"\n{done}\n")
    assert done.asked
    assert not done.failures, f"{len(done.failures)}, the first three:\n\n" + "\n\n".join(done.failures[:3])
