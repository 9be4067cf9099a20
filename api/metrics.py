"""Every metric of ingest, named in one place."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    """One registry an application, so that two in one process do not share numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "jikimi_ingest_events_total", "Events by what became of them", ["outcome"], registry=self.registry
        )
        self.batches = Counter(
            "jikimi_ingest_batches_total", "Uploads by the code of their answer", ["code"], registry=self.registry
        )
        self.bytes = Counter(
            "jikimi_ingest_bytes_total", "Bytes of accepted uploads, decompressed", registry=self.registry
        )
        self.seconds = Histogram(
            "jikimi_ingest_batch_seconds",
            "From the first byte of an accepted upload to its answer",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.heartbeats = Counter("jikimi_heartbeats_total", "Heartbeats taken", registry=self.registry)
        self.enrolments = Counter(
            "jikimi_enrolments_total", "Enrolments by the code of their answer", ["code"], registry=self.registry
        )
