"""What the rooms tell each other of a unit and a project, and what must agree between rooms (现状与各室相符)."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The register answers where a unit and a project stand without knowing the rooms that made it so.
STANDING = """
CREATE VIEW unit_standing AS
SELECT u.id AS unit_id,
       CASE WHEN EXISTS (SELECT FROM transfer_registration t WHERE t.unit_id = u.id) THEN 'registered'
            WHEN c.status IN ('filed', 'at-risk') THEN 'filed'
            WHEN c.status = 'drafted' THEN 'drafted'
            ELSE 'available' END AS status,
       c.contract_no,
       EXISTS (SELECT FROM contract e WHERE e.unit_id = u.id)
       OR EXISTS (SELECT FROM registered_building r WHERE r.building_id = u.building_id
                     AND r.status IN ('entered', 'confirmed')) AS has_history
  FROM unit u LEFT JOIN contract c ON c.unit_id = u.id AND c.status <> 'cancelled';
COMMENT ON VIEW unit_standing IS '房屋的买卖与登记现状';

CREATE VIEW project_standing AS
SELECT p.id AS project_id,
       CASE a.status WHEN 'active' THEN 'active' WHEN 'suspended' THEN 'suspended'
                     WHEN 'releasing' THEN 'released' WHEN 'closed' THEN 'released'
                     ELSE 'proposed' END AS status,
       coalesce(a.account_no, g.account_no) AS account_no,
       coalesce(a.account_name, g.account_name) AS account_name,
       coalesce(a.status, CASE WHEN g.id IS NOT NULL THEN 'proposed' END) AS account_status
  FROM project p
  LEFT JOIN LATERAL (SELECT s.* FROM supervised_account s WHERE s.project_id = p.id
                      ORDER BY s.id DESC LIMIT 1) a ON true
  LEFT JOIN agreement g ON g.project_id = p.id AND g.status = 'proposed';
COMMENT ON VIEW project_standing IS '项目的监管现状';
"""

# Looked at when the transaction ends: a notice has been paid exactly what is allocated to it and not taken
# back, so it grows by an allocation and shrinks by a reversal, and by nothing else (已缴额随匹配与冲正).
PAID_FOLLOWS = """
CREATE FUNCTION paid_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_notice integer;
    stated bigint;
    standing numeric;
BEGIN
    IF TG_TABLE_NAME = 'payment_notice' THEN
        of_notice := NEW.id;
    ELSE
        SELECT notice_id INTO of_notice FROM receipt_allocation WHERE receipt_id = NEW.receipt_id;
    END IF;
    SELECT paid INTO stated FROM payment_notice WHERE id = of_notice;
    SELECT coalesce(sum(s.amount), 0) INTO standing FROM receipt_allocation s
     WHERE s.notice_id = of_notice
       AND NOT EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = s.receipt_id);
    IF stated <> standing THEN
        RAISE 'notice %: stated as paid %, allocated and standing %', of_notice, stated, standing
              USING ERRCODE = 'check_violation', CONSTRAINT = 'paid_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER paid_follows AFTER UPDATE OF paid ON payment_notice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.paid <> OLD.paid) EXECUTE FUNCTION paid_follows();
CREATE CONSTRAINT TRIGGER paid_follows_issue AFTER INSERT ON payment_notice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.paid <> 0) EXECUTE FUNCTION paid_follows();
CREATE CONSTRAINT TRIGGER paid_follows AFTER INSERT ON receipt_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION paid_follows();
CREATE CONSTRAINT TRIGGER paid_follows AFTER INSERT ON receipt_reversal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION paid_follows();
"""

def upgrade() -> None:
    op.execute(STANDING)
    op.execute(PAID_FOLLOWS)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
