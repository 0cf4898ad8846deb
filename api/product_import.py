"""`milepost import-products`: a file into the catalog, some rows at a time, with its progress and what was refused."""

from collections import Counter
from itertools import count, islice
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from api.catalog import read_row
from api.product_file import rows
from domain.catalog import ProductDraft, RowOutcome, RowResult
from models import upserts
from models.database import Database
from settings import Settings

_AT_ONCE = 200


async def import_file(settings: Settings, tenant: str, file: Path, console: Console) -> dict[str, int]:
    """How many rows were created, updated, unchanged and refused; the refused ones are shown."""
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    counts: Counter[str] = Counter({one.value: 0 for one in RowOutcome})
    number = count(1)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(file.name, total=sum(1 for _ in rows(file)))
        told_of = iter(rows(file))
        while some := tuple(islice(told_of, _AT_ONCE)):
            for result in await _write(database, tenant, some):
                place = next(number)
                counts[result.outcome.value] += 1
                if no := result.refusal:
                    told = f"row {place} {result.product_id or ''}: {no.code} {no.field}: {no.message}"
                    console.print(told, style="red", markup=False)
            progress.advance(task, len(some))
    await database.close()
    return dict(counts)


async def _write(database: Database, tenant: str, some: tuple[object, ...]) -> list[RowResult]:
    read = [read_row(row) for row in some]
    async with database.transaction(tenant) as session:
        written = iter(await upserts.upsert(session, [row for row in read if isinstance(row, ProductDraft)]))
    return [row if isinstance(row, RowResult) else next(written) for row in read]
