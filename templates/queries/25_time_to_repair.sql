-- Time to repair: how many rollbacks follow a deployment in the window, how many within rollback_minutes, after how long?
WITH releases AS (
  SELECT
    action,
    unix_micros(timestamp) AS micros,
    max(CASE WHEN action = 'deploy' THEN unix_micros(timestamp) END) OVER (
      PARTITION BY coalesce(resource_id, resource_name)
      ORDER BY timestamp, id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS deployed
  FROM audit
  WHERE action IN ('deploy', 'deploy.rollback')
    AND coalesce(resource_id, resource_name) IN (
      SELECT coalesce(resource_id, resource_name) FROM audit WHERE action = 'deploy.rollback'
    )
)
SELECT
  count(*) AS rollbacks,
  count(deployed) AS after_a_deployment,
  coalesce(sum(CASE WHEN micros - deployed <= $rollback_minutes * cast(60000000 AS bigint) THEN 1 ELSE 0 END), 0) AS quick,
  round(percentile_cont(0.5) WITHIN GROUP (ORDER BY micros - deployed) / 60000000, 1) AS median_minutes,
  round(max(micros - deployed) / 60000000, 1) AS longest_minutes
FROM releases
WHERE action = 'deploy.rollback'
