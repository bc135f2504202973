"""How many entries dlt's offset paginator returns. Usage: paginate_with_dlt.py URL KEY LIMIT."""

import os
import sys

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

if __name__ == "__main__":
    url, key, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = RESTClient(base_url=url, headers={"x-satusky-api-key": key})
    paginator = OffsetPaginator(limit=limit, total_path="data.total")
    pages = client.paginate("", paginator=paginator, data_selector="data.audit_logs")
    print(sum(map(len, pages)))
