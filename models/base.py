"""What all tables share: naming, how types become columns, and the tenant in front of every primary key."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain import states
from domain.ledger import PostingKind
from domain.payments import PaymentMode
from domain.tracking import TrackingStatus


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
    states.ReservationState,
    states.OrderState,
    states.ShipmentState,
    states.MovementKind,
    states.DisputeState,
    states.LedgerAccount,
    PaymentMode,
    PostingKind,
    TrackingStatus,
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
        **_ENUM_COLUMNS,
    }


class TenantRow:
    """Every row belongs to one tenant; row-level security reads this column."""

    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.tenant_id"), primary_key=True, sort_order=-10)


def now() -> sa.ColumnElement[datetime]:
    """The database's clock at the beginning of the transaction."""
    return sa.func.now()


class RowMissing(Exception):
    """A row that must be there is not: final, because asking again does not make one."""
