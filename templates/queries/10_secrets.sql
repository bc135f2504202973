-- Secrets: which were created and deleted?
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
WHERE coalesce(action, '') IN ('secret.create', 'secret.delete')
ORDER BY timestamp DESC, id
