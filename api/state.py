"""What the routes of one application share, built once from `Services`."""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from api.bucket import Buckets
from api.credentials import Credentials
from api.credit import Credit
from api.intake import Intake
from api.ledger import Ledger
from api.metrics import Metrics
from api.services import Services
from api.settings import ApiSettings
from api.spools import Spools


@dataclass(frozen=True, slots=True)
class Centre:
    """Reached as `centre(request)`."""

    services: Services
    settings: ApiSettings
    credentials: Credentials
    ledger: Ledger
    intake: Intake
    credit: Credit
    quota: Buckets
    guesses: Buckets
    metrics: Metrics


def build(services: Services, settings: ApiSettings) -> Centre:
    ledger = Ledger(services.database)
    credit = Credit(
        services.log,
        group=settings.detector_group,
        full_bytes=settings.credit_bytes,
        limit_records=settings.backlog_records,
    )
    return Centre(
        services=services,
        settings=settings,
        credentials=Credentials(services.database, settings.credential_seconds),
        ledger=ledger,
        intake=Intake(services.log, ledger, Spools(services.database), credit),
        credit=credit,
        quota=Buckets(settings.tenant_bytes_per_second, settings.tenant_burst_bytes),
        guesses=Buckets(settings.guesses_per_minute / 60, settings.guesses_per_minute),
        metrics=Metrics(),
    )


def centre(request: Request) -> Centre:
    return cast("Centre", request.app.state.centre)
