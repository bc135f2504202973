-- How many entries does each kind of actor have, and how many actors are behind them?
SELECT
  actor_type,
  count(*) AS entries,
  count(DISTINCT actor_key) AS actors,
  min(timestamp) AS earliest,
  max(timestamp) AS latest
FROM audit
GROUP BY actor_type
ORDER BY entries DESC, actor_type NULLS LAST
