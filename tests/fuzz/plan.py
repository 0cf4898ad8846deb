"""How the API is fuzzed: how much, with what, and what every answer is held against."""

import os
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import schemathesis
from schemathesis import CheckContext, Config, HookContext, Response
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckNode
from schemathesis.schemas import BaseSchema

EXAMPLES = int(os.environ.get("MILEPOST_FUZZ_EXAMPLES", "0"))
"""So many random cases an operation; 0: a few, for CI."""

Json = dict[str, Any]

SEED = int(os.environ.get("MILEPOST_FUZZ_SEED", "1"))
_FEW = 3


NOT_FOR_US = {
    "positive_data_acceptance": "a cart that is sold out is well formed; `valid_is_not_called_invalid` takes its place",
}
"""Checks that are switched off, and why."""

NOT_THERE = {
    (
        "POST /v1/products/bulk",
        "allow_header_conformance",
    ): "a product may be named `bulk`, so its GET and PUT are there",
    (
        "POST /v1/products/bulk",
        "negative_data_rejection",
    ): "a row that is wrong is refused in its own result; the others are taken",
}
"""Those that do not count for one operation. Not in the configuration: operations named there undo every `include`."""

IN_WORDS = (
    "Value error, ",
    # RFC 6761: nobody has an address at `example.test` or `localhost`. JSON Schema's `email` cannot say so.
    "value is not a valid email address: The part after the @-sign is a special-use or reserved name",
    "String should have at least 1 character",  # there is nothing but blanks, which are taken off first
    "a storefront shows what is active; ask with view=all",  # two parameters that cannot be together
)
"""How what is refused by a rule that no schema can say begins."""


def config(url: str, key: str, *, generation: Json | None = None, checks: Json | None = None) -> Config:
    """Schemathesis as it is used here: the same requests each time, and failures as they were met."""
    return Config.from_dict(
        {
            "base-url": url,
            "seed": SEED,
            "headers": {"Authorization": f"Bearer {key}"},
            "continue-on-failure": True,
            "request-timeout": 30.0,
            "cache": {"enabled": False},
            "suppress-health-check": ["all"],
            "checks": {name: {"enabled": False} for name in NOT_FOR_US} | (checks or {}),
            "generation": {
                "max-examples": EXAMPLES or _FEW,
                "deterministic": True,
                "no-shrink": not EXAMPLES,
                "database": "none",
                "with-security-parameters": False,
                **(generation or {}),
            },
            "phases": {
                "stateful": {"enabled": False},
                # What is learnt from answers differs from run to run.
                "fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}},
            },
        }
    )


@dataclass
class Run:
    """What came of it."""

    failures: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """Requests, by phase."""
    answers: Counter[int] = field(default_factory=Counter)
    """By status."""

    def add(self, other: "Run") -> None:
        """Both together."""
        self.failures += other.failures
        self.asked.update(other.asked)
        self.answers.update(other.answers)

    def note(self, finished: events.ScenarioFinished) -> None:
        """One operation in one phase."""
        record = finished.recorder
        self.asked[finished.phase.value] += len(record.interactions)
        self.answers.update(one.response.status_code for one in record.interactions.values() if one.response)
        self.failures += [
            _told(finished, case, check)
            for case, checks in record.checks.items()
            for check in checks
            if check.status is Status.FAILURE and (finished.label, check.name) not in NOT_THERE
        ]

    def __str__(self) -> str:
        asked = ", ".join(f"{many} {phase}" for phase, many in self.asked.items())
        answers = ", ".join(f"{status}: {many}" for status, many in sorted(self.answers.items()))
        return f"{self.asked.total()} requests ({asked}); answers {answers}"


def _told(finished: events.ScenarioFinished, case: str, check: CheckNode) -> str:
    asked, info = finished.recorder.interactions[case], check.failure_info
    said = asked.response.text[:300] if asked.response else "no answer"
    what = f"{info.failure.title}: {info.failure.message[:400]}\n{info.code_sample}" if info else ""
    return f"[{finished.phase.value}] {check.name}: {what}\n{said}"


def run(schema: BaseSchema) -> Run:
    """Ask all of it. Raises what the engine itself stumbles over."""
    done = Run()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            done.note(event)
        assert not isinstance(event, events.NonFatalError | events.FatalError), f"the tool itself failed: {event}"
    return done


_numbers = count()


@schemathesis.hook
def before_call(context: HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """A key of its own for each attempt, else the second request is a repeat of the first; and 2 for 2.0, which JSON
    Schema calls an integer and no client writes."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive:
        return
    for name in (case.headers or {}).keys() & {"Idempotency-Key"}:
        case.headers[name] = f"fuzz-{SEED}-{next(_numbers)}"
    if isinstance(case.body, dict | list):
        case.body = _whole(case.body)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.check
def valid_is_not_called_invalid(ctx: CheckContext, response: Response, case: schemathesis.Case[Any]) -> bool | None:
    """Instead of `positive_data_acceptance`: what the description allows may be refused by the state of things, or by a
    rule about several fields, which says itself in a sentence; never as a wrong field."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return None
    told = response.json()
    if told.get("code") not in ("invalid_request", "malformed_json"):
        return None
    wrong = [one for one in told["errors"] if not one["message"].startswith(IN_WORDS)]
    if wrong:
        raise AssertionError(f"the description allows it, the API does not: {wrong}")
    return None
