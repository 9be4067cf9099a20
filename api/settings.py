"""What an operator may set for the HTTP layer; read once at start, passed down."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jikimi.domain.event import MAX_BATCH_BYTES

MIB = 1024 * 1024


class ApiSettings(BaseSettings):
    """Environment names carry the prefix, e.g. `JIKIMI_API_TENANT_BYTES_PER_SECOND`. Sizes are bytes."""

    model_config = SettingsConfigDict(env_prefix="JIKIMI_API_", frozen=True)

    max_upload_bytes: int = Field(default=2 * MAX_BATCH_BYTES, gt=0)
    """Of one upload, before and after decompression: a batch of the agreed size and one event too many still fit."""

    max_batch_events: int = Field(default=10_000, gt=0)
    tenant_bytes_per_second: int = Field(default=64 * MIB, gt=0)
    """Steady quota of one company, decompressed; far above what 1,000 devices send in a normal day."""

    tenant_burst_bytes: int = Field(default=256 * MIB, gt=0)
    credit_bytes: int = Field(default=8 * MIB, gt=0)
    """What an agent may send before the next answer while the detectors keep up."""

    backlog_records: int = Field(default=2_000, gt=0)
    """Undetected log records of a partition at which the credit reaches nothing."""

    detector_group: str = "detector"
    """The consumer group whose backlog governs the credit."""

    credential_seconds: float = Field(default=10.0, ge=0)
    """How long a credential that was found good is not looked up again; a revocation elsewhere may take as long."""

    guesses_per_minute: int = Field(default=10, gt=0)
    """Wrong enrolment tokens from one address before it must wait."""

    evidence_bytes: int = Field(default=10 << 30, gt=0)
    """Of all captures fetched from agents; the oldest complete ones make room."""

    evidence_request_bytes: int = Field(default=2 << 30, gt=0)
    """Of one capture."""
