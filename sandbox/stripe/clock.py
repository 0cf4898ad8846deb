"""What happens when the clock reaches it: authorizations expire, refunds settle, disputes end."""

from collections.abc import Callable

from sandbox.stripe import balance, disputes, refunds, settlement
from sandbox.stripe.account import Account

ACTIONS: dict[str, Callable[[Account, str], None]] = {
    "available": balance.mature,
    "book": balance.book,
    "dispute_lapse": disputes.lapse,
    "dispute_review": disputes.review,
    "expire": settlement.expire,
    "refund_failed": refunds.bounce,
    "refund_pending": refunds.arrive,
}


def run_due(account: Account) -> int:
    """Do what is due, and what becomes due by it; how many things were done."""
    done = 0
    while due := _due(account):
        for row in due:
            # An earlier action may have made this one pointless.
            if row is account.all("due").get(f"{row['action']}:{row['key']}"):
                account.unschedule(row["action"], row["key"])
                ACTIONS[row["action"]](account, row["key"])
                done += 1
    if done:
        account.commit()
    return done


def _due(account: Account) -> list[dict[str, str]]:
    now = account.now()
    return sorted((row for row in account.all("due").values() if row["at"] <= now), key=lambda row: row["at"])
