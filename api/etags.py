"""`ETag` and `If-Match` (RFC 9110, section 13): nobody overwrites what they have not seen."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from api.problems import Problem
from api.schemas.base import ProblemOut

IfMatch = Annotated[
    str | None, Header(description="The `ETag` that was read; `*` for whatever is there. Not for what is new.")
]
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    412: {"model": ProblemOut, "description": "It has been changed since it was read, or is not there."},
    428: {"model": ProblemOut, "description": "It is there, and `If-Match` was not sent."},
}
"""What a route that takes `IfMatch` answers with besides: for its `responses`."""


def etag(*content: object) -> str:
    """The tag of what a resource consists of: JSON values, or its version."""
    told = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:24]}"'


def tag_of(shown: BaseModel, *, without: Any = None) -> str:
    """The tag of a resource as it is answered, `without` the figures that sales move: those nobody edits."""
    return etag(shown.model_dump(mode="json", exclude=without))


def must_match(given: str | None, current: str | None) -> None:
    """Whether a change may be made. To be asked when the resource is locked, so that the answer holds to the end.

    `current` is its tag, None if it is not there. Raises a 428 problem for a change of what is there without
    `If-Match`, and a 412 problem if it is another one by now, or none.
    """
    if current is None:
        if given is not None:  # RFC 9110, section 13.1.1: also `*` is false of what is not there
            raise Problem(412, "precondition_failed", "It is not there. To make it, leave `If-Match` out.")
        return
    if given is None:
        detail = "Read it first, and send its `ETag` as `If-Match`, so that nothing is overwritten unseen."
        raise Problem(428, "if_match_required", detail)
    tags = {tag.strip() for tag in given.split(",")}
    if "*" not in tags and current not in tags:
        detail = "It has been changed since you read it. Read it again, and change what is there now."
        raise Problem(412, "precondition_failed", detail, headers={"ETag": current})
