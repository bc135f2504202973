-- How many entries are there, when were the earliest and the latest, and how many have a value in each column?
SELECT
  count(*) AS entries,
  min(timestamp) AS earliest,
  max(timestamp) AS latest,
  count(id) AS id,
  count(timestamp) AS timestamp,
  count(organization_id) AS organization_id,
  count(actor_id) AS actor_id,
  count(actor_email) AS actor_email,
  count(actor_type) AS actor_type,
  count(ip_address) AS ip_address,
  count(user_agent) AS user_agent,
  count(action) AS action,
  count(resource_type) AS resource_type,
  count(resource_id) AS resource_id,
  count(resource_name) AS resource_name,
  count(request_id) AS request_id,
  count(changes) AS changes,
  count(metadata) AS metadata,
  count(extra) AS extra,
  count(source_sha256) AS source_sha256
FROM audit
