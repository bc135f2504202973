-- People and automation: how many entries of each action come from a person, from automation, from an actor of no stated kind?
SELECT
  action,
  sum(CASE WHEN lower(actor_type) IN $automation_types THEN 0 WHEN actor_type IS NULL THEN 0 ELSE 1 END) AS people,
  sum(CASE WHEN lower(actor_type) IN $automation_types THEN 1 ELSE 0 END) AS automation,
  sum(CASE WHEN actor_type IS NULL THEN 1 ELSE 0 END) AS not_stated
FROM audit
GROUP BY action
ORDER BY count(*) DESC, action
