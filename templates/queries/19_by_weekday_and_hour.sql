-- How many entries fall into each hour of each weekday, in UTC? Monday is 0; hours without an entry have no row.
SELECT
  cast((floor(hours / 24) + 3) % 7 AS int) AS weekday,
  cast(hours % 24 AS int) AS hour_of_day,
  sum(entries) AS entries
FROM (
  SELECT cast(floor(unix_micros(timestamp) / 3600000000) AS bigint) AS hours, count(*) AS entries
  FROM audit
  GROUP BY cast(floor(unix_micros(timestamp) / 3600000000) AS bigint)
) AS hourly
GROUP BY cast((floor(hours / 24) + 3) % 7 AS int), cast(hours % 24 AS int)
ORDER BY weekday, hour_of_day
