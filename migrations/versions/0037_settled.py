"""What a reversal left the bank owing stands under that receipt, and stops nothing once it is paid (冲正了结)."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# What the bank still owes of a reversal. Reversals of before have no account of their own: they are open
# while anything is owed under 1301 without a receipt (尚欠更正款).
LEFT = """
COMMENT ON COLUMN receipt_reversal.uncovered IS '账内已无款可冲、记入 1301 的部分；账上尚欠多少，看 1301';
CREATE FUNCTION reversal_left(of_receipt bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT b.balance FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
          WHERE a.book_id = s.book_id AND a.code = '1301' AND a.key = 'receipt:' || r.id),
        (SELECT least(v.uncovered, b.balance)
           FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
          WHERE a.book_id = s.book_id AND a.code = '1301' AND a.key = ''), 0)
      FROM receipt r JOIN receipt_reversal v ON v.receipt_id = r.id
      JOIN supervised_account s ON s.id = r.account_id
     WHERE r.id = of_receipt
$$;
"""

# What a reversal says it left the bank owing is what its entry put under 1301, for this receipt or, by the
# release before this one, for none (差额须与凭证相符).
FOLLOWS = """
CREATE FUNCTION reversal_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owed bigint;
BEGIN
    SELECT coalesce(sum(t.amount), 0) INTO owed FROM ledger.transfer t
      JOIN ledger.account d ON d.id = t.debit_account_id
      JOIN receipt r ON r.id = NEW.receipt_id JOIN supervised_account s ON s.id = r.account_id
     WHERE t.entry_id = NEW.entry_id AND d.code = '1301' AND d.book_id = s.book_id
       AND d.key IN ('', 'receipt:' || NEW.receipt_id);
    IF owed <> NEW.uncovered THEN
        RAISE 'receipt %: % uncovered, its entry leaves % owed', NEW.receipt_id, NEW.uncovered, owed
              USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_follows_ledger';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER reversal_follows_ledger AFTER INSERT ON receipt_reversal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reversal_follows_ledger();
"""

# No filing over a reversal that the book has not worked off (冲正未了不得备案).
FILING = """
CREATE FUNCTION filing_reversals_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM receipt_allocation a JOIN receipt_reversal v ON v.receipt_id = a.receipt_id
                WHERE a.contract_id = NEW.contract_id AND v.uncovered > 0
                  AND reversal_left(a.receipt_id) > 0) THEN
        RAISE 'contract % may not be filed: a reversal is open', NEW.contract_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'filing_reversals_settled';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER filing_reversals_settled BEFORE INSERT ON contract_filing
    FOR EACH ROW EXECUTE FUNCTION filing_reversals_settled();
"""

# Unmatched money may be the bank's correction: it settles what the bank owes, by two officers (冲抵更正款).
SETTLED = """
ALTER TABLE receipt_claim ADD COLUMN receivable_key varchar;
COMMENT ON COLUMN receipt_claim.receivable_key IS '所冲 1301 的辅助核算；空串为银行少款';
ALTER TABLE receipt_claim DROP CONSTRAINT ck_receipt_claim_claim_kind;
ALTER TABLE receipt_claim ADD CONSTRAINT ck_receipt_claim_claim_kind
    CHECK (kind IN ('claim', 'return', 'settle'));
ALTER TABLE receipt_claim ADD CONSTRAINT ck_receipt_claim_settles_something
    CHECK ((kind = 'settle') = (receivable_key IS NOT NULL));

CREATE FUNCTION receipt_settled(of_receipt bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(c.amount), 0)::bigint FROM receipt_claim c
     WHERE c.receipt_id = of_receipt AND c.kind = 'settle' AND c.status = 'confirmed'
$$;
-- As before, and less what settled the bank's debt.
CREATE OR REPLACE FUNCTION receipt_remainder(of_receipt bigint) RETURNS bigint LANGUAGE plpgsql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    rest bigint;
BEGIN
    SELECT CASE WHEN EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id) THEN 0
           ELSE r.amount
              - coalesce((SELECT sum(s.amount) FROM receipt_allocation s WHERE s.receipt_id = r.id), 0)
              - coalesce((SELECT sum(c.amount) FROM receipt_claim c WHERE c.receipt_id = r.id
                             AND c.kind IN ('return', 'settle') AND c.status = 'confirmed'), 0) END INTO rest
      FROM receipt r WHERE r.id = of_receipt;
    RETURN rest;
END $$;
DROP TRIGGER receipt_claim_stands_decided ON receipt_claim;
CREATE TRIGGER receipt_claim_stands_decided BEFORE UPDATE ON receipt_claim FOR EACH ROW
    WHEN (NEW.status = 'confirmed' AND NEW.kind IN ('return', 'settle'))
    EXECUTE FUNCTION receipt_claim_stands();
-- As before, and what settles the bank's debt leaves 2101 for the very account it names.
CREATE OR REPLACE FUNCTION receipt_claim_moves(of_claim receipt_claim) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) FROM (
        SELECT CASE WHEN d.book_id <> s.book_id THEN 'strange'
                    WHEN d.code = '2101' AND c.code IN ('2111', '2112') THEN c.key
                    WHEN d.code = '8199' AND c.code = '8101' THEN c.key
                    WHEN d.code = '2101' AND c.code = '2102' THEN c.key
                    WHEN d.code = '2101' AND c.code = '1301' THEN 'receivable:' || c.key
                    ELSE 'strange' END AS way, sum(t.amount)::bigint AS amount
          FROM ledger.transfer t
          JOIN ledger.account d ON d.id = t.debit_account_id
          JOIN ledger.account c ON c.id = t.credit_account_id
          JOIN receipt r ON r.id = of_claim.receipt_id
          JOIN supervised_account s ON s.id = r.account_id
         WHERE t.entry_id = of_claim.entry_id GROUP BY 1) m
$$;
CREATE OR REPLACE FUNCTION receipt_claim_says(of_claim receipt_claim) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) FROM (
        SELECT 'return:' || of_claim.id AS way, of_claim.amount WHERE of_claim.kind = 'return'
        UNION ALL
        SELECT 'receivable:' || of_claim.receivable_key, of_claim.amount WHERE of_claim.kind = 'settle'
        UNION ALL
        SELECT k.way, sum(p.amount)::bigint
          FROM receipt_claim_part p JOIN contract c ON c.id = p.contract_id JOIN unit u ON u.id = c.unit_id,
               LATERAL (VALUES ('contract:' || c.id), ('building:' || u.building_id)) AS k (way)
         WHERE p.claim_id = of_claim.id GROUP BY 1) m
$$;
-- As before, and what settled the bank's debt is not reversed as well.
CREATE OR REPLACE FUNCTION reversal_not_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM receipt WHERE id = NEW.receipt_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM receipt_claim c WHERE c.receipt_id = NEW.receipt_id
                  AND c.kind IN ('return', 'settle') AND c.status IN ('entered', 'confirmed')) THEN
        RAISE 'receipt %: a part goes back to its payer or settled the bank''s debt', NEW.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_not_returned';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.execute(LEFT)
    op.execute(FOLLOWS)
    op.execute(FILING)
    op.execute(SETTLED)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
