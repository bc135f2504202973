"""Writes entries down: ids, request ids and addresses, all drawn from one seeded generator."""

import random
from collections.abc import Mapping
from uuid import UUID

from exporter.sandbox.cast import ORGANIZATION_ID, Actor, Resource
from exporter.sandbox.entry import Entry, Json

ELSEWHERE = 0.003
"""Share of entries that come from an address never seen before."""

SECOND_ADDRESS = 0.12
"""Share of entries that come from an actor's other usual address."""


class Scribe:
    """Makes the entries of one history, one after the other."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def write(
        self,
        moment: int,
        actor: Actor,
        action: str,
        resource: Resource,
        changes: Mapping[str, Json] | None = None,
        **metadata: Json,
    ) -> Entry:
        """Write down that ``actor`` did ``action`` at ``moment``, nanoseconds since 1970."""
        draw = self.rng.random()
        if draw < ELSEWHERE:
            address = f"2001:db8:{self.rng.randrange(1, 0x10000):x}::{self.rng.randrange(1, 0x10000):x}"
        else:
            address = actor.addresses[draw < SECOND_ADDRESS]
        return Entry(
            id=UUID(int=self.rng.getrandbits(128), version=4),
            created_at=moment,
            organization_id=ORGANIZATION_ID,
            actor_id=actor.id,
            actor_email=actor.email,
            actor_type=actor.type,
            action=action,
            resource_type=resource.type,
            resource_id=resource.id,
            resource_name=resource.name,
            ip_address=address,
            user_agent=actor.user_agent,
            request_id=f"req_{self.rng.getrandbits(32):08x}",
            changes=changes or {},
            metadata=metadata,
        )

    def commit(self) -> str:
        """Draw the id of a commit: 40 hexadecimal digits."""
        return f"{self.rng.getrandbits(160):040x}"


def change(old: Json, new: Json) -> Mapping[str, Json]:
    """Write one field's change; a None on either side says that there was, or is, no value."""
    return {"old": old, "new": new}
