"""Cells of the fault table that are of a membership: a declined renewal is paid by another card, which is kept."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.ids import membership_payment_id
from tests.faults.cells import FAULTS, Fault
from tests.faults.operations import PATIENCE
from tests.flow.kit import TENANT, Shop
from tests.flow.members_kit import DAY, PRICE_A_MONTH, Club


@dataclass(frozen=True)
class MemberOperation:
    """One of the two calls by which a member who is past due gives another card. `keys`: of its requests, by member."""

    name: str
    endpoint: str
    noun: str
    keys: Callable[[str], str]


MEMBER_OPERATIONS = (
    MemberOperation("keep a card", "payment_methods.attach", "card", lambda member: f"{TENANT}/{member}/card/*"),
    MemberOperation(
        "pay a declined renewal", "payment_intents.confirm", "charge",
        lambda member: f"{TENANT}/{membership_payment_id(TENANT, member, 1)}/authorize/*",
    ),
)  # fmt: skip


@dataclass
class MemberCell:
    """One cell, while it is run and after. `complaints` is empty when all is as it should be."""

    operation: MemberOperation
    fault: Fault
    club: Club
    member: dict[str, Any] = field(default_factory=dict)
    card: str = ""
    kept: int = 0
    seen: dict[str, Any] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    found: str = "nothing"

    @property
    def name(self) -> str:
        """As it is reported."""
        return f"{self.operation.name}, {self.fault.name}"

    @property
    def keys(self) -> str:
        """The pattern of the idempotency keys of this cell's operation, and of no other cell's."""
        return self.operation.keys(self.member.get("id", self.name))

    @property
    def shop(self) -> Shop:
        """Whose member it is."""
        return self.club.shop

    async def prepare(self) -> None:
        """A member whose renewal was declined, and the card that they have in their hand."""
        await self.club.open(grace_seconds=20 * 86_400, retry_seconds=[])
        self.member = await self.club.joined()
        await self.club.act(self.member, "card", payment_method="pm_card_chargeCustomerFail")
        await self.shop.skip_time(self.club.flow(self.member), DAY * 31.5)
        await self.club.seen_in(self.member, "past_due", within=PATIENCE)
        made = await self._stripe("POST", "payment_methods", data={"type": "card", "card[token]": "tok_visa"})
        self.card = made["id"]

    async def arm(self) -> None:
        """Break this cell's first request."""
        aim = {"operation": self.operation.endpoint, "idempotency_key": self.keys}
        await self.shop.stripe("faults", **aim, **self.fault.order)

    async def run(self) -> None:
        """Give the card, once, and wait until the period is paid."""
        await self.club.act(self.member, "card", payment_method=self.card)
        self.seen = await self.club.seen_in(self.member, "active", within=PATIENCE)
        card = await self._stripe("GET", f"payment_methods/{self.card}")
        cards = await self._stripe("GET", "payment_methods", params={"customer": card["customer"], "limit": 100})
        self.kept = sum(one["id"] == self.card for one in cards["data"])

    async def _stripe(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.shop.stack.environment()['STRIPE_API_KEY']}"}
        answer = await self.shop.http.request(method, f"{self.shop.links.stripe}/v1/{path}", headers=headers, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def judge(self, intents: list[dict[str, Any]], fault: dict[str, Any]) -> None:
        """Note everything that is not as wanted: at Stripe, in the tables, in the process."""
        mine = [one for one in intents if one["metadata"].get("membership_id") == self.member.get("id")]
        done = self.kept if self.operation.noun == "card" else sum(one["charges"] for one in mine) - 1
        self.found = f"{done} {self.operation.noun}{'' if done == 1 else 's'}, {fault['seen']} requests"
        self.complaints += [
            f"{what}: {seen!r}, wanted {wanted!r}"
            for what, seen, wanted in (*self._at_stripe(mine), *self._here())
            if seen != wanted
        ]
        if fault["struck"] != 1 or fault["seen"] < 2:
            self.complaints.append(f"the fault struck {fault['struck']} of {fault['seen']} requests")

    def _at_stripe(self, mine: list[dict[str, Any]]) -> Iterator[tuple[str, object, object]]:
        yield "received, intent by intent", [one["amount_received"] for one in mine], [PRICE_A_MONTH] * 2
        yield "charges", sum(one["charges"] for one in mine), 2
        yield "the card is kept", self.kept, 1

    def _here(self) -> Iterator[tuple[str, object, object]]:
        yield "membership", self.seen.get("state"), "active"
        yield "card", self.seen.get("card"), "visa 4242"
        yield "needs a person", self.seen.get("needs_attention"), None
        yield "periods", [one["state"] for one in self.seen.get("periods", ())], ["paid", "paid"]
        query = "SELECT kind, state, coalesce(error_code, '') FROM payment_operations WHERE payment_id = :p"
        payment = membership_payment_id(TENANT, self.member.get("id", ""), 1)
        journal = Counter(self.shop.sql(query, p=payment))
        spent = ("authorize", "failed", "key_spent")
        wanted = Counter([("authorize", "failed", "card_declined"), ("authorize", "succeeded", "")])
        yield "journal", journal - Counter({spent: journal[spent]}), wanted


def member_cells(shop: Shop) -> list[MemberCell]:
    """Either operation under every fault, each of a plan of its own."""
    return [MemberCell(operation, fault, Club(shop)) for operation in MEMBER_OPERATIONS for fault in FAULTS]
