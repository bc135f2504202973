-- Role changes: whose rights changed, from what to what?
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
WHERE action = 'user.role.update'
ORDER BY timestamp, id
