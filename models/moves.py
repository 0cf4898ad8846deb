"""The legal moves of every state machine as rows, for the trigger that keeps hand-written SQL honest too."""

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LegalMove(Base):
    """From this state a row of this table may go to that one. The same for all tenants."""

    __tablename__ = "legal_moves"

    machine: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    next_state: Mapped[str] = mapped_column(primary_key=True)
