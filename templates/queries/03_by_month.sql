-- How many entries does each calendar month have, in UTC?
SELECT
  cast(date_trunc('MONTH', day) AS date) AS month,
  sum(entries) AS entries,
  count(DISTINCT actor_key) AS actors
FROM (
  SELECT
    date_add(DATE '1970-01-01', cast(floor(unix_micros(timestamp) / 86400000000) AS int)) AS day,
    actor_key,
    count(*) AS entries
  FROM audit
  GROUP BY
    date_add(DATE '1970-01-01', cast(floor(unix_micros(timestamp) / 86400000000) AS int)),
    actor_key
) AS daily
GROUP BY cast(date_trunc('MONTH', day) AS date)
ORDER BY month
