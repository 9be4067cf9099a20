"""The tenant scope as a condition of a query."""

from typing import Any

from sqlalchemy import Column, ColumnElement, true

from api.users import User
from jikimi.domain.scope import TenantScope


def within(column: Column[Any], scope: TenantScope) -> ColumnElement[bool]:
    """True for rows whose tenant lies in scope."""
    return true() if scope.tenant_ids is None else column.in_(sorted(scope.tenant_ids))


def scope_of(user: User) -> TenantScope:  # noqa: ARG001  every role of the centre watches every company today
    """Whose data a member of the centre's staff may see."""
    return TenantScope.every_tenant()
