"""A guarantee and a takeover stand as they were written, as a court's hold does (保函与接管的事实不改).

Besides: a guarantee takes the place of cash only where seven tenths of what the quota still is lie there; an
extension is ordered before its hold ends; supervision does not end while a takeover is in force.
"""

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

# Whether it is a guarantee or a takeover: what was entered stays; a decision and an end are written once, the
# end as another officer asked for it; what was rejected, ended or lapsed is over.
STANDS = """
CREATE FUNCTION stands_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    becomes jsonb := to_jsonb(NEW);
    changed text[];
    free text[] := CASE
        WHEN OLD.status = 'entered' THEN '{status,decided_by,decided_at,reason,left_amount}'
        WHEN OLD.status = 'in-force' AND NEW.status = 'in-force'
            THEN '{left_amount,ending_by,ending_reason,ending_to}'
                 || CASE TG_TABLE_NAME WHEN 'takeover' THEN '{account_id}' ELSE '{}' END::text[]
        WHEN OLD.status = 'in-force' THEN '{status,left_amount,ended_by,ended_at}'
        ELSE '{}' END;
BEGIN
    SELECT array_agg(key) INTO changed FROM jsonb_each(becomes) WHERE value IS DISTINCT FROM was -> key;
    IF NOT coalesce(changed <@ free, true)
       OR OLD.status = 'in-force' AND (becomes ->> 'left_amount')::bigint > (was ->> 'left_amount')::bigint
       OR TG_TABLE_NAME = 'guarantee' AND OLD.status = 'in-force' AND NEW.ended_by IS NOT NULL
          AND NEW.status <> (was ->> 'ending_to') THEN
        RAISE '% % stands as it was written: %', TG_TABLE_NAME, OLD.id, changed
              USING ERRCODE = 'check_violation', CONSTRAINT = 'stands_as_written';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stands_as_written BEFORE UPDATE ON guarantee FOR EACH ROW EXECUTE FUNCTION stands_as_written();
CREATE TRIGGER stands_as_written BEFORE UPDATE ON takeover FOR EACH ROW EXECUTE FUNCTION stands_as_written();
"""

# The share is of what the quota still is, and the rest of it lies in cash (三成上限，七成现金).
CASH = """
CREATE FUNCTION guarantee_beside_cash() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    booked bigint;
    needed bigint;
    cash bigint;
BEGIN
    SELECT coalesce(sum(b.balance) FILTER (WHERE a.code = '8202'), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code = '8201'), 0)
             - coalesce(sum(b.balance) FILTER (WHERE a.code = '8204'), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code IN ('2111', '2112')), 0)
      INTO booked, needed, cash
      FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = NEW.account_id AND a.key = 'building:' || NEW.building_id;
    -- To the fen as the rules round: half a fen is ten twentieths.
    IF booked * 10 > needed * 3 + 5 OR cash * 10 < needed * 7 - 5 THEN
        RAISE 'guarantee %: % beside % in cash, of %', NEW.guarantee_no, booked, cash, needed
              USING ERRCODE = 'check_violation', CONSTRAINT = 'guarantee_beside_cash';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guarantee_beside_cash AFTER UPDATE ON guarantee DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status = 'entered' AND NEW.status = 'in-force')
    EXECUTE FUNCTION guarantee_beside_cash();
"""

EXTENSION = """
CREATE FUNCTION extended_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.dated_on > (SELECT max(held_until) FROM court_act WHERE hold_id = NEW.hold_id) THEN
        RAISE 'hold %: extended by % after its end', NEW.hold_id, NEW.document_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'extended_in_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER extended_in_time BEFORE INSERT ON court_act FOR EACH ROW WHEN (NEW.kind = 'extend')
    EXECUTE FUNCTION extended_in_time();
"""

RELEASE = """
CREATE FUNCTION release_after_takeover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM takeover WHERE account_id = NEW.account_id AND status = 'in-force') THEN
        RAISE 'release %: its account is taken over', NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_after_takeover';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER release_after_takeover BEFORE UPDATE ON release_application FOR EACH ROW
    WHEN (NEW.status = 'approved' AND OLD.status <> 'approved')
    EXECUTE FUNCTION release_after_takeover();
"""


def upgrade() -> None:
    for statement in (STANDS, CASH, EXTENSION, RELEASE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
