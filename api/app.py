"""The centre's HTTP application: an explicit list of routers over `Services`."""

from fastapi import APIRouter, FastAPI

from api import (
    admin,
    admin_agent_config,
    admin_users,
    admin_websites,
    agent_config,
    enrolment,
    errors,
    health,
    heartbeat,
    ingest,
    metrics_page,
    passports,
)
from api.body import BodyLimit
from api.evidence import admin as evidence_admin
from api.evidence import routes as evidence_routes
from api.headers import SecurityHeaders
from api.incidents import routes as incident_routes
from api.incidents import sites as incident_sites
from api.live import routes as live_routes
from api.pages import answer, shell, sign_in
from api.rules import life as rule_life
from api.rules import workshop
from api.services import Services
from api.settings import ApiSettings
from api.state import build

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    ingest.router,
    enrolment.router,
    heartbeat.router,
    agent_config.router,
    evidence_routes.router,
    admin.router,
    admin_users.router,
    admin_agent_config.router,
    evidence_admin.router,
    passports.router,
    workshop.router,
    admin_websites.router,
    rule_life.router,
    metrics_page.router,
    sign_in.router,
    shell.router,
    answer.router,
    incident_routes.router,
    incident_sites.router,
    live_routes.router,
)
"""Everything that is served. A router may carry a `lifespan` of its own."""


def create_app(services: Services, settings: ApiSettings) -> FastAPI:
    """Routes reach what they need as `request.app.state.services` and `request.app.state.settings`."""
    app = FastAPI(title="지킴이", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.settings = settings
    app.state.centre = build(services, settings)
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes, besides=workshop.PATHS)
    app.add_middleware(SecurityHeaders)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
