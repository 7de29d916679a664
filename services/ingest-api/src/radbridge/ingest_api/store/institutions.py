"""The institution directory at its owner. Secrets stand sealed inside ``body``."""

from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.runtime.database.protocol import Transaction


async def by_code(tx: Transaction, code: str) -> InstitutionUpdated | None:
    """The institution of a code, or ``None``."""
    row = await tx.fetch_one("SELECT body FROM institution WHERE code = $1", code)
    return None if row is None else InstitutionUpdated.model_validate_json(row["body"])


async def by_ae_title(tx: Transaction, ae_title: str) -> InstitutionUpdated | None:
    """The institution of a calling AE title, or ``None``."""
    row = await tx.fetch_one("SELECT body FROM institution WHERE ae_title = $1", ae_title)
    return None if row is None else InstitutionUpdated.model_validate_json(row["body"])


async def all_of_them(tx: Transaction) -> list[InstitutionUpdated]:
    """Every institution, by code."""
    rows = await tx.fetch("SELECT body FROM institution ORDER BY code")
    return [InstitutionUpdated.model_validate_json(row["body"]) for row in rows]


async def save(tx: Transaction, body: InstitutionUpdated) -> None:
    """Store the institution."""
    await tx.execute(
        """INSERT INTO institution (institution_id, code, ae_title, body) VALUES ($1, $2, $3, $4)
           ON CONFLICT (institution_id) DO UPDATE SET code = excluded.code, ae_title = excluded.ae_title,
               body = excluded.body""",
        body.institution_id,
        body.code,
        body.ae_title,
        body.model_dump_json(),
    )
