-- Time to repair: how many rollbacks are there, how many of them within rollback_minutes of a deployment, after how long?
-- Time is cut into stretches of rollback_minutes, so that a rollback is compared with two of them only.
WITH rollbacks AS (
  SELECT
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($rollback_minutes * 60000000.0)) AS stretch
  FROM audit
  WHERE action = 'deploy.rollback'
),
candidates AS (
  SELECT service, micros, stretch FROM rollbacks
  UNION ALL
  SELECT service, micros, stretch - 1 AS stretch FROM rollbacks
),
deployments AS (
  SELECT
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($rollback_minutes * 60000000.0)) AS stretch
  FROM audit
  WHERE action = 'deploy'
),
pairs AS (
  SELECT candidates.service, candidates.micros, min(candidates.micros - deployments.micros) AS apart
  FROM deployments
  JOIN candidates ON candidates.service = deployments.service AND candidates.stretch = deployments.stretch
  WHERE candidates.micros - deployments.micros BETWEEN 0 AND $rollback_minutes * cast(60000000 AS bigint)
  GROUP BY candidates.service, candidates.micros
)
SELECT
  count(*) AS rollbacks,
  count(pairs.apart) AS quick,
  round(percentile_cont(0.5) WITHIN GROUP (ORDER BY pairs.apart) / 60000000, 1) AS median_minutes,
  round(max(pairs.apart) / 60000000, 1) AS longest_minutes
FROM rollbacks
LEFT JOIN pairs ON pairs.service = rollbacks.service AND pairs.micros = rollbacks.micros
