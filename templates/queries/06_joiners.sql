-- Joiners: who was given access?
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
WHERE action = 'user.add'
ORDER BY timestamp, id
