"""Which stored objects rows name, so that the others can be swept."""

import json
import time

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_stored_blob, drop_stored_blob, stored_blob

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the ledger with the test data that CAs have handed in."""
    create_stored_blob(op)
    references = op.get_bind().execute(sa.text("SELECT object FROM trial_sets")).scalars().all()
    now = time.time_ns() // 1000
    names = sorted({json.loads(reference)["name"] for reference in references})
    op.bulk_insert(stored_blob, [{"name": name, "state": 0, "changed_at": now} for name in names])


def downgrade() -> None:
    """Drop it again."""
    drop_stored_blob(op)
