-- Destructions: where did more than destructions_per_hour happen, and what was deployed again within recreation_hours?
WITH destroyed AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    count(*) OVER (
      ORDER BY unix_micros(timestamp) RANGE BETWEEN 3599999999 PRECEDING AND CURRENT ROW
    ) AS in_the_hour
  FROM audit
  WHERE action = 'deploy.destroy'
),
bursts AS (
  SELECT timestamp, id, actor, resource, in_the_hour,
    lag(in_the_hour) OVER (ORDER BY timestamp, id) AS in_the_hour_before
  FROM destroyed
),
lives AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    lead(action) OVER (PARTITION BY coalesce(resource_id, resource_name) ORDER BY timestamp, id) AS next_action,
    lead(timestamp) OVER (PARTITION BY coalesce(resource_id, resource_name) ORDER BY timestamp, id) AS next_timestamp,
    lead(id) OVER (PARTITION BY coalesce(resource_id, resource_name) ORDER BY timestamp, id) AS next_id
  FROM audit
  WHERE action IN ('deploy', 'deploy.destroy')
    AND coalesce(resource_id, resource_name) IN (
      SELECT coalesce(resource_id, resource_name) FROM audit WHERE action = 'deploy.destroy'
    )
)
SELECT timestamp, id, actor, resource,
  concat(cast(in_the_hour AS string), ' destructions in the hour that ends with this one.') AS what,
  cast(NULL AS string) AS related
FROM bursts
WHERE in_the_hour > $destructions_per_hour AND coalesce(in_the_hour_before, 0) <= $destructions_per_hour
UNION ALL
SELECT timestamp, id, actor, resource,
  concat('Deployed again ', cast(round((unix_micros(next_timestamp) - unix_micros(timestamp)) / 3600000000, 1) AS string),
    ' hours later.') AS what,
  next_id AS related
FROM lives
WHERE action = 'deploy.destroy'
  AND next_action = 'deploy'
  AND unix_micros(next_timestamp) - unix_micros(timestamp) <= $recreation_hours * cast(3600000000 AS bigint)
ORDER BY timestamp, id, what
