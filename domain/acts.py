"""What a person does to a workflow past our API: in the Temporal UI, on its command line, or with a client."""

import re
from dataclasses import dataclass
from datetime import datetime

from domain.ids import staff_name

MARK = "milepost-asked"
"""The header of every update and signal that Milepost itself sends. What comes without it came by hand."""

_MAIL = re.compile(r"(?!\d+@)[^\s:@]+@[^\s:@]+\.[^\s:@]+")
_MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class ActByHand:
    """An update or a signal that came by hand, and how it ended (`status` as HTTP would say it, `code` of a refusal).

    `place`: which one of this run's it is, from 1, so that it is written down once. `actor` and `reason` are the
    sender's own words; `update_id` is None for a signal.
    """

    tenant: str
    workflow_id: str
    run_id: str
    place: int
    kind: str
    name: str
    at: datetime
    status: int
    code: str | None = None
    update_id: str | None = None
    actor: str | None = None
    reason: str | None = None

    @property
    def action(self) -> str:
        """As the audit log names it: `update hold`."""
        return f"{self.kind} {self.name}"

    @property
    def request_id(self) -> str:
        """Its name in the audit log; no request's id has a slash."""
        return f"temporal/{self.run_id}/{self.place}"

    def by(self, identity: str | None) -> str:
        """Who it was: what they called themselves, and what Temporal knows of them, which is no e-mail address."""
        known = identity or ""
        seen = f"temporal:{staff_name(self.tenant, known) if _MAIL.fullmatch(known) else known}".rstrip(":")
        return f"{self.actor} ({seen})" if self.actor else seen


def said(message: object, field: str) -> str | None:
    """What a message that came by hand says in this field, if it has it, cut to a sensible length."""
    value = message.get(field) if isinstance(message, dict) else getattr(message, field, None)
    return (value.strip()[:_MOST_CHARACTERS] or None) if isinstance(value, str) else None


def tenant_of(workflow_id: str) -> str | None:
    """Whose workflow it is, by its id; None for one that works for all."""
    kind, _, rest = workflow_id.partition("/")
    tenant, _, number = rest.partition("/")
    return tenant if kind and tenant and number else None
