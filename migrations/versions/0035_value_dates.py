"""No value date before there was anything it could be of: the account, the receipt, the order (起息日下限)."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# From the day its agreement was signed; after an opening, from the day of the balance it began with.
OPENED_ON = """
ALTER TABLE supervised_account ADD COLUMN opened_on date;
COMMENT ON COLUMN supervised_account.opened_on IS '启用日：协议签订日，期初导入后为余额日期；此前的款项不入账';
ALTER TABLE supervised_account DISABLE TRIGGER USER;
UPDATE supervised_account s SET opened_on = coalesce(
    (SELECT o.as_of FROM account_opening o WHERE o.account_id = s.id AND o.status = 'booked'),
    least((s.opened_at AT TIME ZONE 'Asia/Shanghai')::date,
          (SELECT min(g.signed_on) FROM agreement g
            WHERE g.project_id = s.project_id AND g.account_no = s.account_no
              AND g.effective_at IS NOT NULL)));
ALTER TABLE supervised_account ENABLE TRIGGER USER;
ALTER TABLE supervised_account ALTER COLUMN opened_on SET NOT NULL;

CREATE FUNCTION account_opened_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT least(g.signed_on, (NEW.opened_at AT TIME ZONE 'Asia/Shanghai')::date) INTO NEW.opened_on
          FROM agreement g WHERE g.id = NEW.agreement_id;
    ELSIF NOT EXISTS (SELECT FROM account_opening o WHERE o.account_id = NEW.id AND o.status = 'booked'
                         AND o.as_of = NEW.opened_on) THEN
        RAISE 'account % is open since %', NEW.account_no, OLD.opened_on
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_opened_on';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_opened_on BEFORE INSERT OR UPDATE OF opened_on ON supervised_account
    FOR EACH ROW EXECUTE FUNCTION account_opened_on();

CREATE FUNCTION opening_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE supervised_account SET opened_on = NEW.as_of WHERE id = NEW.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER opening_opens AFTER UPDATE ON account_opening
    FOR EACH ROW WHEN (NEW.status = 'booked' AND OLD.status <> 'booked') EXECUTE FUNCTION opening_opens();
"""

# Money of today, as nearly all of it is, asks nothing. What a statement tells of is booked as it tells it:
# the bank's own book is the older witness.
DATED = """
CREATE FUNCTION receipt_dated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM supervised_account s WHERE s.id = NEW.account_id AND NEW.value_date < s.opened_on)
       AND NOT EXISTS (SELECT FROM statement_line l
                        WHERE l.account_id = NEW.account_id AND l.bank_serial = NEW.bank_serial
                          AND l.value_date = NEW.value_date) THEN
        RAISE 'receipt % is older than its account', NEW.receipt_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_dated';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_dated BEFORE INSERT ON receipt
    FOR EACH ROW WHEN (NEW.value_date < (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date)
    EXECUTE FUNCTION receipt_dated();

CREATE FUNCTION reversal_dated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM receipt r WHERE r.id = NEW.receipt_id AND NEW.value_date < r.value_date) THEN
        RAISE 'reversal % is older than what it reverses', NEW.bank_serial
              USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_dated';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reversal_dated BEFORE INSERT ON receipt_reversal
    FOR EACH ROW EXECUTE FUNCTION reversal_dated();

CREATE FUNCTION result_dated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM instruction i WHERE i.id = NEW.instruction_id
                  AND NEW.value_date < (i.issued_at AT TIME ZONE 'Asia/Shanghai')::date) THEN
        RAISE 'result % is older than its order', NEW.bank_serial
              USING ERRCODE = 'check_violation', CONSTRAINT = 'result_dated';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER result_dated BEFORE INSERT ON instruction_result
    FOR EACH ROW EXECUTE FUNCTION result_dated();
"""


def upgrade() -> None:
    op.execute(OPENED_ON)
    op.execute(DATED)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
