-- Destructions: where did more than destructions_per_hour happen, and what was deployed again within recreation_hours?
-- Time is cut into stretches of recreation_hours, so that a destruction is compared with two of them only.
-- A time that stands before an id counts from long before 1970, so that each has as many digits.
WITH destroyed AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($recreation_hours * 3600000000.0)) AS stretch,
    count(*) OVER (
      ORDER BY unix_micros(timestamp) RANGE BETWEEN 3599999999 PRECEDING AND CURRENT ROW
    ) AS in_the_hour
  FROM audit
  WHERE action = 'deploy.destroy'
),
bursts AS (
  SELECT
    timestamp,
    id,
    actor,
    resource,
    in_the_hour,
    lag(in_the_hour) OVER (ORDER BY timestamp, id) AS in_the_hour_before,
    micros - lag(micros) OVER (ORDER BY timestamp, id) AS apart
  FROM destroyed
),
candidates AS (
  SELECT service, id, micros, stretch FROM destroyed
  UNION ALL
  SELECT service, id, micros, stretch + 1 AS stretch FROM destroyed
),
deployments AS (
  SELECT
    id,
    coalesce(resource_id, resource_name) AS service,
    unix_micros(timestamp) AS micros,
    floor(unix_micros(timestamp) / ($recreation_hours * 3600000000.0)) AS stretch
  FROM audit
  WHERE action = 'deploy'
),
again AS (
  SELECT
    candidates.id,
    min(deployments.micros - candidates.micros) AS apart,
    min(concat(cast(200000000000000000 + deployments.micros AS string), ' ', deployments.id)) AS deployed
  FROM deployments
  JOIN candidates ON candidates.service = deployments.service AND candidates.stretch = deployments.stretch
  WHERE deployments.micros - candidates.micros BETWEEN 0 AND $recreation_hours * cast(3600000000 AS bigint)
  GROUP BY candidates.id
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat(cast(in_the_hour AS string), ' destructions in the hour that ends with this one.') AS what,
  cast(NULL AS string) AS related
FROM bursts
WHERE in_the_hour > $destructions_per_hour
  AND (apart IS NULL OR apart >= 3600000000 OR in_the_hour_before <= $destructions_per_hour)
UNION ALL
SELECT
  destroyed.timestamp,
  destroyed.id,
  destroyed.actor,
  destroyed.resource,
  concat('Deployed again ',
    CASE
      WHEN again.apart < 60000000 THEN concat(cast(round(again.apart / 1000000, 1) AS string), ' seconds')
      WHEN again.apart < 3600000000 THEN concat(cast(round(again.apart / 60000000, 1) AS string), ' minutes')
      ELSE concat(cast(round(again.apart / 3600000000, 1) AS string), ' hours')
    END, ' later.') AS what,
  substring(again.deployed, 20) AS related
FROM destroyed
JOIN again ON again.id = destroyed.id
ORDER BY timestamp, id, what
