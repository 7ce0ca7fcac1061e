"""Who vouches for a node is three firms by their numbers and three people, the developer first (三家见证)."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NUMBERED = """
ALTER TABLE node_paper ADD COLUMN firm_no varchar;
COMMENT ON COLUMN node_paper.firm_no IS '统一社会信用代码';
ALTER TABLE node_paper
    ADD CONSTRAINT ck_node_paper_firm_no CHECK (firm_no ~ '^[0-9A-HJ-NP-RTUW-Y]{18}$');
"""

# As in 0016, and besides: each party is numbered, no number and no name signs for two of them, and who
# declares is the project's developer. What was entered without numbers is sent back and entered anew.
PROVED = """
CREATE FUNCTION signed_by(signer text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(normalize(signer, NFKC), '\\s', '', 'g')
$$;
CREATE OR REPLACE FUNCTION node_proved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind = 'correct' AND NOT EXISTS (
           SELECT FROM node_paper WHERE claim_id = NEW.id AND kind = 'order')
       OR NEW.kind = 'reach' AND (
           NOT EXISTS (SELECT FROM node_paper WHERE claim_id = NEW.id AND kind = 'photo')
           OR (SELECT count(DISTINCT kind) FROM node_paper
                WHERE claim_id = NEW.id AND kind IN ('declaration', 'contractor', 'engineer')) < 3
           OR NEW.node LIKE '%验收%' AND NOT EXISTS (
               SELECT FROM node_paper WHERE claim_id = NEW.id AND kind = 'acceptance')
           OR NEW.node LIKE '%首次登记%' AND NOT EXISTS (
               SELECT FROM registered_building
                WHERE building_id = NEW.building_id AND status = 'confirmed')) THEN
        RAISE 'claim % is not proved', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'node_proved';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION node_parties() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        WITH party AS (SELECT * FROM node_paper WHERE claim_id = NEW.id
                          AND kind IN ('declaration', 'contractor', 'engineer'))
        SELECT FROM party a
         WHERE a.firm_no IS NULL
            OR a.kind = 'declaration' AND a.firm_no <> (
                   SELECT d.developer_id FROM building b JOIN project p ON p.id = b.project_id
                     JOIN developer d ON d.id = p.developer_pk WHERE b.id = NEW.building_id)
            OR EXISTS (SELECT FROM party o WHERE o.kind <> a.kind
                          AND (o.firm_no = a.firm_no OR o.firm = a.firm
                               OR signed_by(o.signer) = signed_by(a.signer)))) THEN
        RAISE 'claim %: its parties are not three firms and three people, the developer among them', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'node_parties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER node_parties BEFORE UPDATE ON node_claim
    FOR EACH ROW WHEN (NEW.status = 'approved' AND NEW.kind = 'reach') EXECUTE FUNCTION node_parties();
"""


def upgrade() -> None:
    op.execute(NUMBERED)
    op.execute(PROVED)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
