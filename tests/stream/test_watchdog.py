"""A consumer with lag and no progress is noticed."""

from jikimi.stream.watchdog import Watchdog


class TestWatchdog:
    def test_is_due_only_after_its_patience_without_progress(self) -> None:
        now = 100.0
        watchdog = Watchdog(60.0, lambda: now)
        now = 159.0
        assert not watchdog.due()
        watchdog.progress()
        now = 160.0
        assert not watchdog.due()
        now = 219.0
        assert watchdog.due()

    def test_waits_anew_once_it_barked(self) -> None:
        now = 0.0
        watchdog = Watchdog(60.0, lambda: now)
        now = 61.0
        assert watchdog.due()
        assert not watchdog.due()
