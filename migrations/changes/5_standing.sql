-- As before, and of several accounts the living one (项目的监管现状).
CREATE OR REPLACE VIEW project_standing AS
SELECT p.id AS project_id,
       CASE a.status WHEN 'active' THEN 'active' WHEN 'suspended' THEN 'suspended'
                     WHEN 'releasing' THEN 'released' WHEN 'closed' THEN 'released'
                     ELSE 'proposed' END AS status,
       coalesce(a.account_no, g.account_no) AS account_no,
       coalesce(a.account_name, g.account_name) AS account_name,
       coalesce(a.status, CASE WHEN g.id IS NOT NULL THEN 'proposed' END) AS account_status
  FROM project p
  LEFT JOIN LATERAL (SELECT s.* FROM supervised_account s WHERE s.project_id = p.id
                      ORDER BY s.status = 'closed', s.id DESC LIMIT 1) a ON true
  LEFT JOIN agreement g ON g.project_id = p.id AND g.status = 'proposed';
