-- A home is sold again: each certificate is one transfer of one unit, and a unit may have many (一证一户，一户可多次转移).
ALTER TABLE transfer_registration DROP CONSTRAINT uq_transfer_registration_unit_id;
CREATE INDEX ix_transfer_registration_unit_id ON transfer_registration (unit_id);
