"""The bounds of a scanner's memory."""

from detectors.sigma.scan import Scanner
from detectors.sigma.tree import ANY, Text


def test_a_flood_of_new_values_does_not_grow_without_bound() -> None:
    scanner = Scanner([(0, Text("F", (ANY, "needle", ANY)))])
    for number in range(45_000):
        scanner.scan(f"hay {number}")
    assert len(scanner._kept) <= 20_000
    assert scanner.scan("a Needle") == {0}


def test_very_long_values_are_scanned_and_not_kept() -> None:
    scanner = Scanner([(0, Text("F", (ANY, "needle", ANY)))])
    assert scanner.scan("hay" * 10_000 + "needle") == {0}
    assert len(scanner._kept) == 0


def test_a_scanner_knows_which_values_need_no_look() -> None:
    scanner = Scanner([(0, Text(None, (ANY, "needle", ANY))), (1, Text(None, (ANY, "evil", ANY)))])
    assert scanner.shortest == 4
    assert not scanner.reads_numbers
    assert Scanner([(0, Text(None, (ANY, "4625", ANY)))]).reads_numbers
