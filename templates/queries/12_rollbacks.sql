-- Rollbacks: which deployments went back to an earlier version?
SELECT
  timestamp,
  id,
  action,
  coalesce(actor_email, actor_id) AS actor,
  actor_type,
  ip_address,
  resource_type,
  coalesce(resource_name, resource_id) AS resource,
  changes,
  request_id
FROM audit
WHERE action = 'deploy.rollback'
ORDER BY timestamp, id
