"""Whose data a query may see. Never optional: every query on clients' data takes one."""

import msgspec


class TenantScope(msgspec.Struct, frozen=True):
    """`tenant_ids=None` means every tenant and belongs to the centre's own staff only."""

    tenant_ids: frozenset[str] | None

    @classmethod
    def of(cls, *tenant_ids: str) -> "TenantScope":
        return cls(frozenset(tenant_ids))

    @classmethod
    def every_tenant(cls) -> "TenantScope":
        return cls(None)

    def covers(self, tenant_id: str) -> bool:
        return self.tenant_ids is None or tenant_id in self.tenant_ids
