-- Quick rollbacks: which came within rollback_minutes of the deployment of the same service before them? Shortest first.
-- Time is cut into stretches of rollback_minutes, so that a rollback is compared with two of them only.
-- A time that stands before an id counts from long before 1970, so that each has as many digits.
WITH rollbacks AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($rollback_minutes * 60000000.0)) AS stretch
  FROM audit
  WHERE action = 'deploy.rollback'
),
candidates AS (
  SELECT service, id, micros, stretch FROM rollbacks
  UNION ALL
  SELECT service, id, micros, stretch - 1 AS stretch FROM rollbacks
),
deployments AS (
  SELECT
    id,
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($rollback_minutes * 60000000.0)) AS stretch
  FROM audit
  WHERE action = 'deploy'
),
pairs AS (
  SELECT
    candidates.id,
    min(candidates.micros - deployments.micros) AS apart,
    max(concat(cast(200000000000000000 + deployments.micros AS string), ' ', deployments.id)) AS deployed
  FROM deployments
  JOIN candidates ON candidates.service = deployments.service AND candidates.stretch = deployments.stretch
  WHERE candidates.micros - deployments.micros BETWEEN 0 AND $rollback_minutes * cast(60000000 AS bigint)
  GROUP BY candidates.id
)
SELECT
  rollbacks.timestamp,
  rollbacks.id,
  rollbacks.actor,
  rollbacks.resource,
  concat('Rolled back ',
    CASE
      WHEN pairs.apart < 60000000 THEN concat(cast(round(pairs.apart / 1000000, 1) AS string), ' seconds')
      ELSE concat(cast(round(pairs.apart / 60000000, 1) AS string), ' minutes')
    END, ' after the deployment.') AS what,
  substring(pairs.deployed, 20) AS related
FROM rollbacks
JOIN pairs ON pairs.id = rollbacks.id
ORDER BY pairs.apart, rollbacks.timestamp, rollbacks.id
