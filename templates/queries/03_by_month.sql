-- How many entries does each calendar month have, in UTC?
SELECT
  cast(date_trunc('MONTH', timestamp) AS date) AS month,
  count(*) AS entries,
  count(DISTINCT coalesce(actor_email, actor_id)) AS actors
FROM audit
GROUP BY cast(date_trunc('MONTH', timestamp) AS date)
ORDER BY month
