-- A guarantee past its last day stands for nothing, whether or not two officers have said so (保函到期即失效).
ALTER TABLE guarantee DROP CONSTRAINT ck_guarantee_ended_by_someone;
ALTER TABLE guarantee ADD CONSTRAINT ck_guarantee_ended_by_someone CHECK (
    CASE status WHEN 'ended' THEN ended_by IS NOT NULL
                WHEN 'lapsed' THEN ended_by IS NOT NULL
                     OR coalesce((ended_at AT TIME ZONE 'Asia/Shanghai')::date > valid_until, false)
                ELSE ended_by IS NULL END);
