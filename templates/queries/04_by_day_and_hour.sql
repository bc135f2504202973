-- How many entries fall into each hour of each day, in UTC? Hours without an entry have no row.
SELECT
  cast(timestamp AS date) AS day,
  hour(timestamp) AS hour_of_day,
  count(*) AS entries
FROM audit
GROUP BY cast(timestamp AS date), hour(timestamp)
ORDER BY day, hour_of_day
