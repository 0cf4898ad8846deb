"""What all tables share: naming, how types become columns, and the tenant in front of every primary key."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column

from domain import states
from domain.access import KeyKind
from domain.catalog import ListingStatus, MediaKind
from domain.ledger import PostingKind
from domain.mails import Milestone
from domain.memberships import Interval, PlanStatus, RefundPolicy
from domain.parcels import SentFor
from domain.payments import PaymentMode
from domain.promotions import PromotionKind
from domain.refunds import RefundCause
from domain.returns import ExchangeState, ReturnReason
from domain.stock import BackorderKind
from domain.support import Resolution, Trouble
from domain.tracking import TrackingStatus

Found = TypeVar("Found", bound="Base")


def _enum(kind: type[StrEnum]) -> sa.Enum:
    """A text column with a CHECK that stores the values; it reads back as the enum, so that `is` tells the truth."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda cls: [member.value for member in cls],
        name=kind.__name__.lower(),
    )


_ENUMS: tuple[type[StrEnum], ...] = (
    states.CheckoutState,
    states.PaymentState,
    states.OperationKind,
    states.OperationState,
    states.RedemptionState,
    states.ReservationState,
    states.OrderState,
    states.ShipmentState,
    states.MovementKind,
    states.DisputeState,
    states.LedgerAccount,
    ListingStatus,
    MediaKind,
    KeyKind,
    states.DropTicketState,
    states.MailState,
    Milestone,
    states.MembershipState,
    states.PeriodState,
    states.ReturnState,
    ReturnReason,
    ExchangeState,
    SentFor,
    states.RefundRequestState,
    RefundCause,
    Interval,
    PlanStatus,
    RefundPolicy,
    BackorderKind,
    PaymentMode,
    PostingKind,
    PromotionKind,
    TrackingStatus,
    Trouble,
    Resolution,
)


_ENUM_COLUMNS: dict[Any, sa.Enum] = {kind: _enum(kind) for kind in _ENUMS}


class Base(DeclarativeBase):
    """The registry of all tables."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it as a class attribute
        str: sa.Text(),
        int: sa.BigInteger(),
        datetime: sa.DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(sa.Text()),
        **_ENUM_COLUMNS,
    }


class TenantRow:
    """Every row belongs to one tenant; row-level security reads this column."""

    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.tenant_id"), primary_key=True, sort_order=-10)


def now() -> sa.ColumnElement[datetime]:
    """The database's clock at the beginning of the transaction."""
    return sa.func.now()


def behind(columns: Sequence[Any], place: Sequence[object], *, descending: bool = False) -> sa.ColumnElement[bool]:
    """The rows behind a place of a list that is ordered by these columns, all in the same direction.

    The place comes from a cursor, where an instant is text: PostgreSQL reads it as what the column is.
    """
    order = sa.tuple_(*columns)
    there = sa.tuple_(*(sa.cast(value, column.type) for value, column in zip(place, columns, strict=True)))
    return order < there if descending else order > there


async def one_at_a_time(session: AsyncSession, what: str) -> None:
    """Wait until nobody else of the tenant replaces that, and keep others waiting until this transaction ends.

    For what is made or replaced by its name: a row that is not there yet cannot be locked.
    """
    name = sa.func.current_tenant().op("||")(f"/{what}")
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))


async def find_one(
    session: AsyncSession, kind: type[Found], column: InstrumentedAttribute[str], value: str, *, lock: bool = False
) -> Found | None:
    """The row of a table that has this value in a column, where there is one at the most; locked until the
    transaction's end if asked."""
    row: Found | None = await session.scalar(_one(kind, column, lock), {"value": value})
    return row


@cache
def _one(kind: type[Any], column: InstrumentedAttribute[str], lock: bool) -> sa.Select[Any]:
    """Made once: to make a statement takes as long as to run it."""
    query = sa.select(kind).where(column == sa.bindparam("value"))
    return query.with_for_update() if lock else query


class RowMissing(Exception):
    """A row that must be there is not: final, because asking again does not make one."""
