-- How many entries fall into each hour of each day, in UTC? Hours without an entry have no row.
SELECT
  date_add(DATE '1970-01-01', cast(floor(hours / 24) AS int)) AS day,
  cast(hours % 24 AS int) AS hour_of_day,
  sum(entries) AS entries
FROM (
  SELECT cast(floor(unix_micros(timestamp) / 3600000000) AS bigint) AS hours, count(*) AS entries
  FROM audit
  GROUP BY cast(floor(unix_micros(timestamp) / 3600000000) AS bigint)
) AS hourly
GROUP BY hours
ORDER BY hours
