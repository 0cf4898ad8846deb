"""The API, asked at random within and beside its description, answers as it describes."""

import asyncio
import sys
import time

import pytest
import schemathesis
from schemathesis.schemas import BaseSchema

from activities.audit import audit_tenant
from sandbox.stack import Stack
from settings import Settings
from tests.flow.access_kit import OPENAPI, Route, routes
from tests.flow.kit import KEY, TENANT
from tests.fuzz import plan

pytestmark = pytest.mark.timeout(3_600 if plan.EXAMPLES else 480)


@pytest.fixture(scope="module")
def description(stack: Stack) -> BaseSchema:
    """What the API says of itself, to be asked of the stack."""
    return schemathesis.openapi.from_dict(OPENAPI, config=plan.config(stack.links.api, KEY))


@pytest.fixture(scope="module")
def all_of_it() -> plan.Run:
    """What came of all operations together."""
    return plan.Run()


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.path}")
def test_what_it_answers_is_what_it_describes(description: BaseSchema, all_of_it: plan.Run, route: Route) -> None:
    done = plan.run(description.include(path=route.path, method=route.method))
    all_of_it.add(done)
    assert done.asked
    assert not done.failures, f"{len(done.failures)}, the first three:\n\n" + "\n\n".join(done.failures[:3])
    assert {status for status in done.answers if status >= 500} == set()


def test_after_all_of_it_the_books_are_right(all_of_it: plan.Run, stack: Stack) -> None:
    assert all_of_it.asked, "the tests of this file belong together"
    environment = {name.lower(): value for name, value in stack.environment().items()}

    async def findings() -> list[object]:
        return list(await audit_tenant(Settings.model_validate(environment), TENANT, await stack.temporal()))

    deadline = time.monotonic() + 30
    while found := asyncio.run(findings()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    stack.check()
    sys.stdout.write(f"\n{all_of_it}\n")
