"""How many entries airbyte-cdk's offset paginator returns. Usage: paginate_with_airbyte.py URL KEY LIMIT."""

import logging
import sys

from airbyte_cdk.models import (
    AirbyteStream,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource


def manifest(url: str, key: str, limit: int) -> dict[str, object]:
    """Describe the log as a low-code connector does."""
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    retriever = {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": url,
            "http_method": "GET",
            "request_headers": {"x-satusky-api-key": key},
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data", "audit_logs"]},
        },
        "paginator": {
            "type": "DefaultPaginator",
            "pagination_strategy": {"type": "OffsetIncrement", "page_size": limit},
            "page_size_option": _parameter("limit"),
            "page_token_option": _parameter("offset"),
        },
    }
    stream = {
        "type": "DeclarativeStream",
        "name": "audit",
        "primary_key": "id",
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
        "retriever": retriever,
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["audit"]},
        "streams": [stream],
    }


def _parameter(name: str) -> dict[str, str]:
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


if __name__ == "__main__":
    stream = AirbyteStream(name="audit", json_schema={}, supported_sync_modes=[SyncMode.full_refresh])
    chosen = ConfiguredAirbyteStream(
        stream=stream, sync_mode=SyncMode.full_refresh, destination_sync_mode=DestinationSyncMode.append
    )
    catalog = ConfiguredAirbyteCatalog(streams=[chosen])
    described = manifest(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    source = ConcurrentDeclarativeSource(catalog=catalog, config={}, state=[], source_config=described)
    messages = list(source.read(logging.getLogger("airbyte"), {}, catalog, []))
    statuses = [one.trace.stream_status.status for one in messages if one.trace and one.trace.stream_status]
    if statuses[-1] is not AirbyteStreamStatus.COMPLETE:
        sys.exit(f"the stream ended as {statuses[-1]}")
    print(sum(one.type is Type.RECORD for one in messages))
