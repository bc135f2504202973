"""What the rooms share."""

from exporter.facts import counted


def test_ids_are_counted_and_the_first_ten_named_each_once() -> None:
    assert counted([]) == "0"
    assert counted(["b", "a", "b"]) == "2 (a, b)"
    assert counted([f"{number:04}" for number in range(10)]).endswith(" 0008, 0009)")
    many = counted([f"{number:04}" for number in range(1_234)])
    assert many.startswith("1,234 (0000, 0001, ")
    assert many.endswith(" 0009, …)")
