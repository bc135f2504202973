-- Unknown actions: which actions does the mapping not know, when were they first seen, and how often?
WITH unknown AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    row_number() OVER (PARTITION BY action ORDER BY timestamp, id) AS place,
    count(*) OVER (PARTITION BY action) AS entries
  FROM audit
  WHERE action NOT IN (
    'deploy', 'deploy.destroy', 'deploy.rollback', 'domain.add', 'domain.remove', 'org.update', 'secret.create',
    'secret.delete', 'token.create', 'token.delete', 'user.add', 'user.remove', 'user.role.update'
  )
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Entries: ', cast(entries AS string), '. This is the first of the action ', action, '.') AS what,
  cast(NULL AS string) AS related
FROM unknown
WHERE place = 1
ORDER BY entries DESC, action
