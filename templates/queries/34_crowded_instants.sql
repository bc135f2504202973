-- Crowded instants: which times do more than instant_entries entries share, to the microsecond? Most crowded first.
SELECT
  timestamp,
  min(id) AS id,
  CASE WHEN count(DISTINCT actor_key) = 1 THEN min(coalesce(actor_email, actor_id)) END AS actor,
  cast(NULL AS string) AS resource,
  concat(cast(count(*) AS string), ' entries at this instant, by ',
    cast(count(DISTINCT actor_key) AS string), ' actors.') AS what,
  cast(NULL AS string) AS related
FROM audit
WHERE timestamp IN (
  SELECT timestamp FROM audit GROUP BY timestamp HAVING count(*) > $instant_entries
)
GROUP BY timestamp
ORDER BY count(*) DESC, timestamp
