-- Completeness battery: is every id there once, is every entry in the window, and does every one say who did what?
SELECT
  count(*) AS entries,
  count(*) - count(DISTINCT id) AS repeated_ids,
  sum(CASE WHEN unix_micros(timestamp) < $since THEN 1 ELSE 0 END) AS before_window,
  sum(CASE WHEN unix_micros(timestamp) >= $until THEN 1 ELSE 0 END) AS after_window,
  sum(CASE WHEN coalesce(actor_email, actor_id) IS NULL THEN 1 ELSE 0 END) AS without_actor,
  sum(CASE WHEN coalesce(resource_name, resource_id) IS NULL THEN 1 ELSE 0 END) AS without_resource,
  sum(CASE WHEN request_id IS NULL THEN 1 ELSE 0 END) AS without_request_id,
  count(DISTINCT organization_id) AS organizations,
  min(organization_id) AS organization
FROM audit_all
