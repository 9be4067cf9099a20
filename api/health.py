"""`GET /healthz`: the process answers. Says nothing about clients, so it asks for no credential."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    return {"ok": True}
