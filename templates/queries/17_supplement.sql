-- Late entries: which entries of the archive lie before the window, and were first seen in this export?
SELECT
  timestamp,
  id,
  action,
  coalesce(actor_email, actor_id) AS actor,
  coalesce(resource_name, resource_id) AS resource
FROM audit_all
WHERE unix_micros(timestamp) < $since
ORDER BY timestamp, id
