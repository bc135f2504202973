-- Quick rollbacks: which came within rollback_minutes of the deployment of the same service before them? Shortest first.
WITH releases AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    max(CASE WHEN action = 'deploy' THEN concat(cast(unix_micros(timestamp) AS string), ' ', id) END) OVER (
      PARTITION BY coalesce(resource_id, resource_name)
      ORDER BY timestamp, id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS deployed
  FROM audit
  WHERE action IN ('deploy', 'deploy.rollback')
    AND coalesce(resource_id, resource_name) IN (
      SELECT coalesce(resource_id, resource_name) FROM audit WHERE action = 'deploy.rollback'
    )
),
pairs AS (
  SELECT
    timestamp,
    id,
    actor,
    resource,
    unix_micros(timestamp) - cast(substring(deployed, 1, 16) AS bigint) AS micros,
    substring(deployed, 18) AS related
  FROM releases
  WHERE action = 'deploy.rollback' AND deployed IS NOT NULL
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Rolled back ', cast(round(micros / 60000000, 1) AS string), ' minutes after the deployment.') AS what,
  related
FROM pairs
WHERE micros <= $rollback_minutes * cast(60000000 AS bigint)
ORDER BY micros, timestamp, id
