"""The ledger: double entry, append-only, balanced by the database itself at the end of each transaction."""

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ledger import PostingKind, entries
from domain.payments import Fee
from domain.states import LedgerAccount
from models.base import Base, TenantRow, now

if TYPE_CHECKING:
    from models.payments import Payment


class Posting(TenantRow, Base):
    """One movement of money, under an id that names it, so that it is posted once. Its transaction closes it."""

    __tablename__ = "ledger_postings"

    posting_id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str]
    kind: Mapped[PostingKind]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    written_by: Mapped[str] = mapped_column(sa.Text(), server_default=sa.text("pg_current_xact_id()::text"))
    posted_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.Index("ix_ledger_postings_payment", "tenant_id", "payment_id"),
    )


class LedgerEntry(TenantRow, Base):
    """One side of a posting: debits positive, credits negative, in minor units of the posting's currency."""

    __tablename__ = "ledger_entries"

    posting_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[LedgerAccount] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor <> 0", name="amount"))

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "posting_id"], ["ledger_postings.tenant_id", "ledger_postings.posting_id"]
        ),
    )


_POST = sa.text(
    """
    WITH posted AS (
      INSERT INTO ledger_postings (tenant_id, posting_id, payment_id, kind, currency)
      VALUES (:tenant, :posting, :payment, :kind, :currency) ON CONFLICT DO NOTHING RETURNING posting_id
    )
    INSERT INTO ledger_entries (tenant_id, posting_id, account, amount_minor)
    SELECT :tenant, posted.posting_id, side.account, side.amount
    FROM posted, unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS side(account, amount)
    """
)


async def post(
    session: AsyncSession,
    payment: "Payment",
    kind: PostingKind,
    posting_id: str,
    amount_minor: int,
    currency: str | None = None,
) -> None:
    """Post a movement of a payment's money, once. In the payment's currency, unless told another."""
    sides = entries(kind, amount_minor)
    values = {
        "tenant": payment.tenant_id,
        "posting": posting_id,
        "payment": payment.payment_id,
        "kind": kind.value,
        "currency": currency or payment.currency,
        "accounts": [side.account.value for side in sides],
        "amounts": [side.amount_minor for side in sides],
    }
    await session.execute(_POST, values)


async def post_fee(session: AsyncSession, payment: "Payment", fee: Fee) -> None:
    """What the provider kept of one balance transaction; a negative fee is one it gave back."""
    if fee.amount_minor:
        kind = PostingKind.FEE if fee.amount_minor > 0 else PostingKind.FEE_RETURNED
        await post(session, payment, kind, f"fee/{fee.transaction_id}", abs(fee.amount_minor), fee.currency)


async def posted(session: AsyncSession, posting_id: str) -> bool:
    """Whether this movement is in the ledger."""
    return await session.scalar(sa.select(Posting.posting_id).where(Posting.posting_id == posting_id)) is not None


async def balances(session: AsyncSession) -> dict[tuple[LedgerAccount, str], int]:
    """(account, currency) → balance in minor units."""
    query = (
        sa.select(LedgerEntry.account, Posting.currency, sa.func.sum(LedgerEntry.amount_minor))
        .join(Posting, (Posting.tenant_id == LedgerEntry.tenant_id) & (Posting.posting_id == LedgerEntry.posting_id))
        .group_by(LedgerEntry.account, Posting.currency)
    )
    return {(account, currency): int(total) for account, currency, total in (await session.execute(query)).all()}
