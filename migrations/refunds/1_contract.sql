-- As before, and a filing may be revoked: its money waits for the refund (合同状态迁移，撤销备案).
CREATE OR REPLACE FUNCTION contract_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM unit u WHERE u.id = NEW.unit_id AND u.removed_at IS NULL FOR SHARE;
        IF NOT FOUND OR NOT EXISTS (SELECT FROM unit u JOIN building b ON b.id = u.building_id
                                     WHERE u.id = NEW.unit_id AND b.project_id = NEW.project_id) THEN
            RAISE 'contract %: unit % is not in the register of its project', NEW.contract_no, NEW.unit_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_unit_in_register';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.version <> OLD.version THEN
        PERFORM FROM supervised_account a
          WHERE a.project_id = NEW.project_id AND a.status = 'active' FOR SHARE;
        IF NOT FOUND THEN
            RAISE 'contract %: its project has no active account', NEW.contract_no
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_account_active';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND (NEW.status, NEW.version) <> ('drafted', 1)
       OR TG_OP = 'UPDATE' AND (
           OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
               ('drafted', 'filed'), ('drafted', 'cancelled'), ('filed', 'at-risk'), ('at-risk', 'filed'),
               ('filed', 'cancelled'), ('at-risk', 'cancelled'))
           OR NEW.version <> OLD.version
              AND (NEW.version, OLD.status, NEW.status) <> (OLD.version + 1, 'drafted', 'drafted')
           OR NEW.price <> OLD.price AND NEW.version = OLD.version) THEN
        RAISE 'contract %: no such step', NEW.contract_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_steps';
    END IF;
    RETURN NEW;
END $$;

-- A home that is its buyer's by registration is not put back to stock (转移登记后不得注销).
CREATE FUNCTION registered_sale_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM transfer_registration t WHERE t.unit_id = NEW.unit_id) THEN
        RAISE 'contract %: its unit is registered to a buyer', NEW.contract_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'registered_sale_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER registered_sale_stands BEFORE UPDATE ON contract FOR EACH ROW
    WHEN (NEW.status = 'cancelled' AND OLD.status IN ('filed', 'at-risk'))
    EXECUTE FUNCTION registered_sale_stands();
