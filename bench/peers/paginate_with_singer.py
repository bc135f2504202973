"""How many entries singer-sdk's offset paginator returns. Usage: paginate_with_singer.py URL KEY LIMIT."""

import io
import json
import sys
from contextlib import redirect_stdout

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk.pagination import OffsetPaginator
from singer_sdk.typing import PropertiesList, Property, StringType


class _Paginator(OffsetPaginator):  # type: ignore[misc]  # installed for the peers alone
    """Asks on while the platform's total says that there is more, as the SDK's manual has it."""

    def has_more(self, response: requests.Response) -> bool:
        more: bool = self.get_next(response) < response.json()["data"]["total"]
        return more


class _Audit(RESTStream):  # type: ignore[misc]  # installed for the peers alone
    name = "audit"
    path = ""
    primary_keys = ("id",)
    records_jsonpath = "$.data.audit_logs[*]"
    schema = PropertiesList(Property("id", StringType)).to_dict()

    @property
    def url_base(self) -> str:
        url: str = self.config["url"]
        return url

    @property
    def http_headers(self) -> dict[str, str]:
        return {"x-satusky-api-key": self.config["key"]}

    def get_new_paginator(self) -> _Paginator:
        return _Paginator(start_value=0, page_size=self.config["limit"])

    def get_url_params(self, _context: object, next_page_token: int | None) -> dict[str, int]:
        return {"limit": self.config["limit"], "offset": next_page_token or 0}


class _Platform(Tap):  # type: ignore[misc]  # installed for the peers alone
    name = "tap-audit"
    config_jsonschema = PropertiesList().to_dict()

    def discover_streams(self) -> list[_Audit]:
        return [_Audit(self)]


if __name__ == "__main__":
    config = {"url": sys.argv[1], "key": sys.argv[2], "limit": int(sys.argv[3])}
    messages = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with redirect_stdout(messages):
        _Platform(config=config).sync_all()
    messages.seek(0)
    print(sum(json.loads(line)["type"] == "RECORD" for line in messages))
