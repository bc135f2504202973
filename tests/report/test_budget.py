from hypothesis import given
from hypothesis import strategies as st

from exporter.report.budget import share

SIZES = st.dictionaries(st.text(max_size=3), st.integers(0, 20_000), max_size=12)


def test_small_tables_are_whole_and_large_ones_share_the_rest() -> None:
    assert share({"deploys": 18_342, "joiners": 10, "tokens": 500, "none": 0}, 300) == {
        "deploys": 145,
        "joiners": 10,
        "tokens": 145,
        "none": 0,
    }


@given(SIZES, st.integers(0, 1000))
def test_the_budget_is_kept_and_used_up(sizes: dict[str, int], rows: int) -> None:
    shares = share(sizes, rows)
    assert list(shares) == list(sizes)
    assert all(0 <= shares[name] <= sizes[name] for name in sizes)
    assert sum(shares.values()) == min(rows, sum(sizes.values()))
