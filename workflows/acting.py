"""How the validators of acts refuse: by the table of `domain/support.py`, and nothing that nobody signs."""

from collections.abc import Sequence

from temporalio.exceptions import ApplicationError

from domain.support import ORDER_ACTS, Act, Facts, OrderFacts, refusal_of


def refuse_act(acts: Sequence[Act[Facts]], name: str, facts: Facts) -> None:
    """Raises why this act may not be done now."""
    if why := refusal_of(acts, name, facts):
        raise ApplicationError(why.message, type=why.code)


def refuse_unsigned(actor: str, reason: str) -> None:
    """Raises when it is not said who acts, or why."""
    if not actor.strip() or not reason.strip():
        raise ApplicationError("say who you are and why", type="no_reason")


def refuse_order_act(name: str, facts: OrderFacts, actor: str, reason: str) -> None:
    """Raises when an act of an order is not signed, or may not be done now."""
    refuse_unsigned(actor, reason)
    refuse_act(ORDER_ACTS, name, facts)
