-- Domains and organization settings: what was changed?
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
WHERE coalesce(action, '') IN ('domain.add', 'domain.remove', 'org.update')
ORDER BY timestamp, id
