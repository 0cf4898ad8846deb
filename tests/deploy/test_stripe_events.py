"""The guide tells operators to subscribe to just those of Stripe's events that are listened to."""

import re
from pathlib import Path

from gateways.stripe.events import LISTENED_TO

GUIDE = Path(__file__).parents[2] / "docs" / "deploy.md"


def test_the_guide_lists_each_type_once() -> None:
    table = GUIDE.read_text().split("| about | events |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"`([a-z_.]+)`", table)) == sorted(LISTENED_TO)
