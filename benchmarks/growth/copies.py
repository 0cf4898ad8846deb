"""Fills the tables with copies of one real order, by COPY: every row that belongs to it, under ids of their own.

Nothing is made up: the order was bought, carried and delivered through the API, and its copies are as large as it is.
They have no workflows. Triggers and foreign keys rest meanwhile, as in any bulk load; indexes do not.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

TABLES = {
    "checkouts": "checkout_id = %(checkout)s",
    "payments": "checkout_id = %(checkout)s",
    "payment_operations": "payment_id = %(payment)s",
    "orders": "order_number = %(order)s",
    "order_lines": "order_number = %(order)s",
    "shipments": "order_number = %(order)s",
    "shipment_lines": "order_number = %(order)s",
    "tracking_events": "shipment_id = %(parcel)s",
    "events": "checkout_id = %(checkout)s",
    "mails": "checkout_id = %(checkout)s",
    "reservations": "checkout_id = %(checkout)s",
    "ledger_postings": "payment_id = %(payment)s",
    "ledger_entries": "posting_id IN (SELECT posting_id FROM ledger_postings WHERE payment_id = %(payment)s)",
}
"""Table → which rows are the order's. Of the inbox there are no copies: it is read by event id only."""

_NAMES = """
    SELECT o.order_number, o.checkout_id, o.payment_id, o.customer_id, s.shipment_id, p.intent_id, p.charge_id,
      s.tracking_number, s.carrier_shipment_id, s.label_id, o.placed_at::text, o.placed_at
    FROM orders o JOIN payments p USING (tenant_id, payment_id) JOIN shipments s USING (tenant_id, order_number)
    WHERE o.order_number = %s"""
_UNSENT = """
    SELECT 1 FROM mails JOIN orders o USING (tenant_id, checkout_id)
    WHERE o.order_number = %s AND mails.state = 'pending' LIMIT 1"""
SENT_WITHIN_SECONDS = 60.0
_BY_NUMBER = ("events", "mails", "tracking_events")
_MARK, _CUSTOMER, _PLACED = "\x01", "\x02", "\x03"
_ID = re.compile(r"\b[a-z]{2,8}_[0-9A-Za-z]{12,}\b")
"""Ids of ours, of Stripe's and of the carrier's, wherever they stand."""
DIGITS, ORDERS_A_CUSTOMER, A_BATCH = 8, 10, 2_000


@dataclass(frozen=True)
class Template:
    """The order's rows of one table as COPY's text, with marks where its copies differ."""

    table: str
    text: str

    def copy(self, number: int, placed: str) -> str:
        """The rows of one copy."""
        text = self.text.replace(_MARK, f"{number:0{DIGITS}d}")
        return text.replace(_CUSTOMER, f"{number // ORDERS_A_CUSTOMER:0{DIGITS}d}").replace(_PLACED, placed)


@dataclass(frozen=True)
class Copies:
    """The copies of one order. `first` is when the original was placed; each copy was placed a second earlier."""

    templates: tuple[Template, ...]
    first: datetime

    def load(self, admin_url: str, numbers: range, tell: Callable[[int], None]) -> None:
        """Write these copies; `tell` hears how many are there. Statistics are up to date afterwards."""
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")  # a load is not to wait for checkpoints
            connection.execute("SELECT pg_reload_conf()")
        with psycopg.connect(admin_url) as connection:
            connection.execute("SET session_replication_role = replica")
            for batch in _batches(numbers):
                for one in self.templates:
                    with connection.cursor().copy(f"COPY {one.table} FROM STDIN") as copy:  # of `TABLES`
                        copy.write("".join(one.copy(number, self._placed(number)) for number in batch))
                connection.commit()
                tell(len(batch))
        with psycopg.connect(admin_url, autocommit=True) as connection:
            for table in TABLES:
                connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))

    def _placed(self, number: int) -> str:
        return (self.first - timedelta(seconds=number + 1)).isoformat(" ")


def order_number(number: int) -> str:
    """That of a copy."""
    return f"C{number:0{DIGITS}d}"


def customer_id(number: int) -> str:
    """Whose a copy is."""
    return f"cus_copy{number // ORDERS_A_CUSTOMER:0{DIGITS}d}"


def copies_of(admin_url: str, order: str) -> Copies:
    """Read all rows of an order that has one parcel, once its last e-mail is sent: copies of one would be sent as well.

    Raises `LookupError` when there is no such order, `TimeoutError` for an e-mail that is not sent.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        deadline = time.monotonic() + SENT_WITHIN_SECONDS
        while connection.execute(_UNSENT, (order,)).fetchone():
            if time.monotonic() > deadline:
                raise TimeoutError(f"an e-mail of order {order} is not sent")
            time.sleep(0.2)
        names = connection.execute(_NAMES, (order,)).fetchone()
        if names is None:
            raise LookupError(f"no order {order}")
        number, checkout, payment, customer, parcel, *others, written, placed = names
        ids = {"order": number, "checkout": checkout, "payment": payment, "parcel": parcel}
        fresh = {checkout: f"co_{_MARK}", payment: f"pay_{_MARK}", parcel: f"shp_{_MARK}", number: f"C{_MARK}"}
        fresh |= {customer: f"cus_copy{_CUSTOMER}", written: _PLACED}
        fresh |= {other: f"{other[:4]}{_MARK}{place}" for place, other in enumerate(others) if other}
        rows = {table: _lines(connection, table, whose, ids) for table, whose in TABLES.items()}
        named = {name for lines in rows.values() for line in lines for name in _ID.findall(line)} - fresh.keys()
        fresh |= {name: f"{name.partition('_')[0]}_{_MARK}{place}" for place, name in enumerate(sorted(named))}
        made = []
        for table, found in rows.items():
            lines = [_marked(line, fresh) for line in found]
            made.append(Template(table, "".join(_numbered(connection, table, line) for line in lines)))
        return Copies(tuple(made), placed)


def _lines(connection: psycopg.Connection[Any], table: str, whose: str, ids: dict[str, str]) -> list[str]:
    cursor = psycopg.ClientCursor(connection)
    query = cursor.mogrify(f"COPY (SELECT * FROM {table} WHERE {whose}) TO STDOUT", ids)  # of `TABLES`
    with cursor.copy(query) as copy:
        text = b"".join(bytes(part) for part in copy).decode()
    return text.splitlines(keepends=True)


def _marked(line: str, fresh: dict[str, str]) -> str:
    """Long names first: one may be a part of another, and a number a part of anything."""
    for old in sorted(fresh, key=len, reverse=True):
        line = re.sub(rf"(?<![0-9A-Za-z.:]){re.escape(old)}(?![0-9A-Za-z])", lambda _: fresh[old], line)  # noqa: B023
    return line


def _numbered(connection: psycopg.Connection[Any], table: str, line: str) -> str:
    """With event numbers that nothing else has; there are less than a thousand in an order."""
    if table not in _BY_NUMBER:
        return line
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    place = [name for (name,) in connection.execute(query, (table,))].index("event_id")
    columns = line.split("\t")
    own = columns[place]
    columns[place] = f"9{_MARK}{own[-3:]:0>3}" if own.isdigit() else f"{_MARK}{own}"
    return "\t".join(columns)


def _batches(numbers: range) -> Iterator[range]:
    for start in range(numbers.start, numbers.stop, A_BATCH):
        yield range(start, min(start + A_BATCH, numbers.stop))
