"""`GET /metrics` in the Prometheus text format: numbers of the whole centre, so for its own people only."""

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.guard import require_admin
from api.state import centre

router = APIRouter()


@router.get("/metrics", dependencies=[Depends(require_admin)])
async def metrics(request: Request) -> Response:
    return Response(generate_latest(centre(request).metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
