"""What a court holds stays at the bank; answers given and clients' banks are not rewritten (冻结不付、应答不改)."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Construction under a hold has its own guard (withdrawals); a change of account asks for no hold at all.
FROZEN = """
CREATE FUNCTION frozen_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cash numeric;
    frozen numeric;
BEGIN
    SELECT coalesce(sum(CASE a.code WHEN '1101' THEN b.balance WHEN '8303' THEN 0 ELSE -b.balance END), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code = '8303'), 0) INTO cash, frozen
      FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = NEW.account_id AND a.code IN ('1101', '2201', '2202', '8303');
    IF frozen > 0 AND cash - NEW.amount < frozen THEN
        RAISE 'order % would pay what a court holds', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'frozen_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen_stays BEFORE INSERT ON instruction FOR EACH ROW
    WHEN (NEW.kind NOT IN ('withdrawal', 'transfer')) EXECUTE FUNCTION frozen_stays();

CREATE FUNCTION closes_unfrozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
                WHERE a.book_id = NEW.book_id AND a.code = '8303' AND b.balance > 0) THEN
        RAISE 'account % is under a court''s hold', NEW.account_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'closes_unfrozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closes_unfrozen BEFORE UPDATE OF status ON supervised_account FOR EACH ROW
    WHEN (NEW.status = 'closed' AND OLD.status <> 'closed') EXECUTE FUNCTION closes_unfrozen();
"""

# An answer is kept once; a client is of one bank for good (应答存底只写一次，客户端不换银行).
KEPT = """
CREATE FUNCTION answer_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'answer to % is given already', OLD.key
          USING ERRCODE = 'check_violation', CONSTRAINT = 'answer_stands';
END $$;
CREATE TRIGGER answer_stands BEFORE UPDATE ON answered_request FOR EACH ROW
    WHEN (OLD.answer IS NOT NULL OR NEW.key <> OLD.key OR NEW.fingerprint <> OLD.fingerprint)
    EXECUTE FUNCTION answer_stands();
CREATE FUNCTION client_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'client % keeps its name and its bank', OLD.client_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'client_stands';
END $$;
CREATE TRIGGER client_stands BEFORE UPDATE ON api_client FOR EACH ROW
    WHEN (NEW.client_id <> OLD.client_id OR NEW.bank_code IS DISTINCT FROM OLD.bank_code)
    EXECUTE FUNCTION client_stands();
"""


def upgrade() -> None:
    op.execute(FROZEN)
    op.execute(KEPT)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
