-- Crowded instants: which times do more than instant_entries entries share, to the microsecond? Most crowded first.
SELECT
  timestamp,
  min(id) AS id,
  CASE WHEN count(DISTINCT actor_key) = 1 AND count(actor_key) = count(*) THEN min(coalesce(actor_email, actor_id)) END AS actor,
  cast(NULL AS string) AS resource,
  concat(cast(count(*) AS string), ' entries at this instant, actors: ', cast(count(DISTINCT actor_key) AS string),
    ', entries without an actor: ', cast(count(*) - count(actor_key) AS string), '.') AS what,
  cast(NULL AS string) AS related
FROM audit
WHERE timestamp IN (
  SELECT timestamp FROM audit GROUP BY timestamp HAVING count(*) > $instant_entries
)
GROUP BY timestamp
ORDER BY count(*) DESC, timestamp
