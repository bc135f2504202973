"""The row budget: a printed row costs time and memory, so the tables share a fixed number of them."""

from collections.abc import Mapping


def share(sizes: Mapping[str, int], rows: int) -> dict[str, int]:
    """Say how many rows each table may print, so that the sum does not exceed ``rows``.

    Tables that fit into an equal share are printed in full; what they leave goes to the larger ones,
    again in equal shares.
    """
    shares = {}
    left = rows
    for position, name in enumerate(sorted(sizes, key=lambda name: sizes[name])):
        shares[name] = min(sizes[name], left // (len(sizes) - position))
        left -= shares[name]
    return {name: shares[name] for name in sizes}
