"""What waits for an officer is found by an index of its own, however much was done before (待办索引)."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

WAITING = {
    "refund": "status IN ('entered', 'reviewed', 'approved', 'due')",
    "construction_contract": "status = 'entered'",
    "listed_payee": "status = 'entered'",
    "guarantee": "status IN ('entered', 'in-force')",
    "account_opening": "status = 'entered'",
    "first_registration": "status = 'entered'",
    "release_evidence": "status = 'entered'",
    "account_suspension": "reopened_by IS NULL",
}


def upgrade() -> None:
    for table, waits in WAITING.items():
        op.execute(f"CREATE INDEX ix_{table}_waiting ON public.{table} (id) WHERE {waits}")


def downgrade() -> None:
    for table in WAITING:
        op.execute(f"DROP INDEX public.ix_{table}_waiting")
