"""A contract is filed when its unit's maintenance fund is paid, where the check asked for it (备案须缴维修资金)."""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

ASKED = """
ALTER TABLE deposit_check ADD COLUMN maintenance_required bigint DEFAULT 0 NOT NULL;
ALTER TABLE deposit_check ADD COLUMN maintenance_advanced bigint DEFAULT 0 NOT NULL;
COMMENT ON COLUMN deposit_check.maintenance_required IS '备案时维修资金应缴';
COMMENT ON COLUMN deposit_check.maintenance_advanced IS '核对时维修资金已缴';
ALTER TABLE deposit_check DROP CONSTRAINT ck_deposit_check_pass_is_whole;
ALTER TABLE deposit_check ADD CONSTRAINT ck_deposit_check_pass_is_whole
    CHECK (decision = 'fail' OR (contract_id IS NOT NULL AND contract_version IS NOT NULL
           AND valid_until IS NOT NULL AND required > 0 AND deposited >= required
           AND maintenance_advanced >= maintenance_required));
"""

# As in 0008, and what its check asked for the maintenance fund stands there still.
FILING_STANDS = """
CREATE OR REPLACE FUNCTION filing_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    asked deposit_check;
BEGIN
    SELECT * INTO asked FROM deposit_check WHERE id = NEW.check_id;
    PERFORM FROM supervised_account a JOIN contract c ON c.project_id = a.project_id
      WHERE c.id = NEW.contract_id AND a.status = 'active' FOR SHARE OF a;
    IF NOT FOUND THEN
        why := 'the account is not active';
    END IF;
    PERFORM FROM contract WHERE id = NEW.contract_id AND status = 'drafted'
        AND version = NEW.contract_version FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        why := 'the contract is not drafted in this version';
    END IF;
    IF EXISTS (SELECT FROM deposit_check_receipt c JOIN receipt_reversal v ON v.receipt_id = c.receipt_id
                WHERE c.check_id = NEW.check_id) THEN
        why := 'a receipt of the check is reversed';
    END IF;
    IF NEW.filed_on <> (asked.valid_until AT TIME ZONE 'Asia/Shanghai')::date THEN
        why := 'the check is of another day';
    END IF;
    IF asked.maintenance_required > 0 AND asked.maintenance_required > coalesce((
           SELECT v.advanced FROM contract c JOIN unit_advance v ON v.unit_id = c.unit_id
            WHERE c.id = NEW.contract_id), 0) THEN
        why := 'its maintenance fund is not paid';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'contract % may not be filed: %', NEW.contract_id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'filing_stands';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.execute(ASKED)
    op.execute(FILING_STANDS)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
