from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.archive.files import HashingFile
from exporter.archive.parquet import ParquetWriter
from exporter.entries.schema import COLUMNS, SCHEMA
from tests.pages import entry, page

METADATA = {"audit-export.schema": "1", "audit-export.since": "a", "audit-export.until": "b"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pq.ParquetFile:
    path = tmp_path_factory.mktemp("parquet") / "audit.parquet"
    writer = ParquetWriter(HashingFile(path), SCHEMA.with_metadata(METADATA))
    writer.write(pa.Table.from_batches([page(entry(changes={"n": [1, 2]}), entry(id="log_2")).batch]))
    assert writer.finish().rows == 2
    return pq.ParquetFile(path)


def test_columns_have_the_types_of_the_table_and_plain_strings(written: pq.ParquetFile) -> None:
    schema = written.schema_arrow

    assert schema.equals(SCHEMA)
    assert {str(field.type) for field in schema} == {
        "string",
        "timestamp[us, tz=UTC]",
        "list<element: struct<field: string, old: string, new: string>>",
    }
    assert [field.name for field in schema if not field.nullable] == ["id", "timestamp", "action"]


def test_every_column_carries_its_description(written: pq.ParquetFile) -> None:
    for column in COLUMNS:
        metadata = written.schema_arrow.field(column.name).metadata
        assert metadata[b"description"].decode() == column.description


def test_the_files_metadata_is_the_schema_version_and_the_window_and_nothing_else(
    written: pq.ParquetFile,
) -> None:
    expected = {key.encode(): value.encode() for key, value in METADATA.items()}

    assert written.schema_arrow.metadata == expected
    assert written.metadata.metadata.keys() == {*expected, b"ARROW:schema"}


def test_the_id_has_a_bloom_filter_and_every_column_a_page_index(written: pq.ParquetFile) -> None:
    group = written.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]

    assert {column.path_in_schema for column in columns if column.bloom_filter_length} == {"id"}
    assert all(column.has_column_index and column.has_offset_index for column in columns)


def test_the_encodings_are_those_that_were_measured(written: pq.ParquetFile) -> None:
    group = written.metadata.row_group(0)
    columns = {column.path_in_schema: column for column in map(group.column, range(group.num_columns))}

    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "DELTA_LENGTH_BYTE_ARRAY" in columns["id"].encodings
    assert "DELTA_BINARY_PACKED" in columns["timestamp"].encodings
    assert "DELTA_LENGTH_BYTE_ARRAY" in columns["source_sha256"].encodings
    assert "RLE_DICTIONARY" in columns["action"].encodings
    assert not columns["source_sha256"].has_dictionary_page


def test_an_empty_table_is_a_valid_file_with_the_same_schema(tmp_path: Path) -> None:
    writer = ParquetWriter(HashingFile(tmp_path / "audit.parquet"), SCHEMA)
    assert writer.finish().rows == 0

    table = pq.read_table(tmp_path / "audit.parquet")
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata == SCHEMA.metadata
    assert pq.read_metadata(tmp_path / "audit.parquet").num_row_groups == 0


def test_row_groups_do_not_depend_on_how_the_rows_arrived(tmp_path: Path) -> None:
    rows = 140_000
    one = page(entry()).batch
    table = pa.Table.from_batches([one]).take(pa.array([0] * rows, type=pa.int64()))
    table = table.set_column(0, SCHEMA.field("id"), pa.array([f"log_{number:06}" for number in range(rows)]))
    files = []
    for size in (rows, 9_999):
        writer = ParquetWriter(HashingFile(tmp_path / f"by_{size}.parquet"), SCHEMA)
        for low in range(0, rows, size):
            writer.write(table.slice(low, size))
        files.append(writer.finish())

    assert files[0].sha256 == files[1].sha256
    metadata = pq.read_metadata(files[0].path)
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [65_536, 65_536, 8_928]
    assert pq.read_table(files[0].path).equals(table)
