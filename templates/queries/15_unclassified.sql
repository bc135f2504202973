-- Unclassified actions: which entries carry an action that the mapping does not know? One of each comes first.
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
FROM (
  SELECT *, row_number() OVER (PARTITION BY action ORDER BY timestamp, id) AS place
  FROM audit
  WHERE action NOT IN (
    'deploy', 'deploy.destroy', 'deploy.rollback', 'domain.add', 'domain.remove', 'org.update', 'secret.create',
    'secret.delete', 'token.create', 'token.delete', 'user.add', 'user.remove', 'user.role.update'
  )
) AS unclassified
ORDER BY CASE WHEN place = 1 THEN 0 ELSE 1 END, timestamp, id
