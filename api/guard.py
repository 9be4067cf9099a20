"""The administrator of this machine: the admin token, from a loopback address, not through a proxy."""

import hmac
import ipaddress

from fastapi import Request

from api.credentials import bearer, unauthorised
from api.errors import ApiError
from api.state import centre


def require_admin(request: Request) -> None:
    """Raises ApiError 403 for a caller from elsewhere, 401 for a wrong token."""
    if not _local(request):
        raise ApiError(403, "forbidden", "administration is possible from the centre's own machine only")
    if not hmac.compare_digest(bearer(request).encode(), centre(request).services.admin_token.encode()):
        raise unauthorised("this is not the admin token of this centre")


def _local(request: Request) -> bool:
    """A proxy on this machine calls from loopback too, but says whom it calls for."""
    if "forwarded" in request.headers or "x-forwarded-for" in request.headers or request.client is None:
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
