"""Who and what appears in the history: thirty people, the automation, sixty services.

Addresses are under names and networks reserved for documentation (RFC 2606, RFC 5737, RFC 3849).
"""

import random
from dataclasses import dataclass
from uuid import UUID, uuid5

from exporter.sandbox.hours import Period

ORGANIZATION_ID = UUID("7d3c1c0e-5b0a-4f7e-9a55-1f2f6c0b8a11")
ORGANIZATION_NAME = "Acme Robotics"

_PEOPLE = (
    # name, role at first, share of the period at which they join (None: before it) and leave (None: not)
    ("Ada Brandt", "owner", None, None),
    ("Boris Keller", "admin", None, None),
    ("Carla Nguyen", "admin", None, None),
    ("Dmitri Okafor", "maintainer", None, None),
    ("Elif Çelik", "maintainer", None, None),
    ("Finn Sørensen", "maintainer", None, 0.58),
    ("Greta Lindqvist", "developer", None, None),
    ("Hugo Marchetti", "developer", None, None),
    ("Ines Castro", "developer", None, 0.22),
    ("Jürgen Pohl", "developer", None, None),
    ("Kemal Şahin", "developer", None, None),
    ("Lena Fischer", "developer", None, 0.41),
    ("Marek Dvořák", "developer", None, None),
    ("Nora Haddad", "developer", None, None),
    ("Oskar Weiß", "developer", None, 0.73),
    ("Priya Raman", "developer", None, None),
    ("Quentin Roux", "viewer", None, None),
    ("Rosa Delgado", "viewer", None, 0.86),
    ("Samir Qureshi", "developer", 0.03, None),
    ("Tilda Holm", "developer", 0.09, None),
    ("Umberto Sala", "developer", 0.14, None),
    ("Vera Novak", "admin", 0.19, None),
    ("Wanda Król", "developer", 0.27, None),
    ("Xavier Dumont", "developer", 0.33, 0.64),
    ("Yuki Tanaka", "developer", 0.39, None),
    ("Zoë Lambert", "viewer", 0.46, None),
    ("Anton Berg", "owner", 0.53, 0.79),
    ("Bianca Rossi", "developer", 0.61, None),
    ("Cedric Blum", "developer", 0.69, None),
    ("Daria Popescu", "developer", 0.81, None),
)

_AUTOMATION = (
    # name, type, duty, user agent, its part in the work
    ("ci", "ci", "deliver", "ci-runner/5.4.1", 7),
    ("release-train", "ci", "deliver", "ci-runner/5.4.1", 4),
    ("autoscaler", "service", "scale", "acme-autoscaler/2.1", 5),
    ("secrets-rotator", "service", "rotate", "acme-rotator/1.3", 1),
)

_AGENTS = ("1ctl/0.10.2", "1ctl/0.11.0", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Macintosh)")

_DOMAINS = (
    "billing",
    "catalog",
    "fleet",
    "identity",
    "ledger",
    "orders",
    "pricing",
    "search",
    "shipping",
    "telemetry",
)
_PARTS = ("api", "worker", "web", "gateway", "cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something that can be acted on."""

    type: str
    """``deployment``, ``user``, ``token``, ``secret``, …"""

    id: UUID
    """The same for the same type and name under the same seed."""

    name: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or a piece of automation."""

    id: UUID
    """Identifies it as an actor and, for a person, as a resource of type ``user``."""

    name: str
    """Display name."""

    email: str
    """Address at acme.example."""

    type: str
    """``user``, ``service`` or ``ci``."""

    role: str
    """Role at first; automation has ``service``."""

    duty: str
    """What it does all day: ``develop`` (people), ``deliver``, ``scale`` or ``rotate``."""

    user_agent: str
    """The program it uses."""

    addresses: tuple[str, ...]
    """Where its requests usually come from."""

    weight: int
    """How much of the everyday work it does, against the others of its kind."""

    joined: int | None = None
    """When it was added, in nanoseconds since 1970; None: before the period."""

    left: int | None = None
    """When it was removed, likewise; None: it stayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everyone and everything in one history."""

    seed: int
    """Tells the ids of one history from those of another."""

    people: tuple[Actor, ...]
    """In the order of the table above."""

    automation: tuple[Actor, ...]
    """Accounts that no person sits behind."""

    services: tuple[Resource, ...]
    """The deployments that everyday work goes into."""

    def resource(self, kind: str, name: str) -> Resource:
        """Return the one resource of that type and name."""
        return Resource(type=kind, id=_identify(self.seed, kind, name), name=name)

    def actor(self, name: str) -> Actor:
        """Return the person or automation of that name."""
        return next(actor for actor in (*self.people, *self.automation) if actor.name == name)


def assemble(seed: int, period: Period) -> Cast:
    """Draw up the cast for one period; the same arguments give the same cast."""
    rng = random.Random(f"{seed}/cast")
    return Cast(
        seed=seed,
        people=tuple(
            Actor(
                id=_identify(seed, "user", name),
                name=name,
                email=f"{_plain(name)}@acme.example",
                type="user",
                role=role,
                duty="develop",
                user_agent=rng.choice(_AGENTS),
                addresses=(
                    f"192.0.2.{10 + number}",
                    f"2001:db8:{rng.randrange(1, 0xFFFF):x}::{number + 1:x}",
                ),
                weight=0 if role == "viewer" else rng.randrange(1, 10),
                joined=None if joins is None else period.office(joins),
                left=None if leaves is None else period.office(leaves),
            )
            for number, (name, role, joins, leaves) in enumerate(_PEOPLE)
        ),
        automation=tuple(
            Actor(
                id=_identify(seed, "user", name),
                name=name,
                email=f"{name}@acme.example",
                type=kind,
                role="service",
                duty=duty,
                user_agent=agent,
                addresses=(f"198.51.100.{8 + 2 * number}", f"198.51.100.{9 + 2 * number}"),
                weight=weight,
            )
            for number, (name, kind, duty, agent, weight) in enumerate(_AUTOMATION)
        ),
        services=tuple(
            Resource(type="deployment", id=_identify(seed, "deployment", name), name=name)
            for name in (f"{domain}-{part}" for domain in _DOMAINS for part in _PARTS)
        ),
    )


def _identify(seed: int, kind: str, name: str) -> UUID:
    return uuid5(ORGANIZATION_ID, f"{seed}/{kind}/{name}")


def _plain(name: str) -> str:
    """Spell a name the way its owner's e-mail address does."""
    return name.lower().replace(" ", ".").translate(str.maketrans("çşüřáøëó", "csuraoeo")).replace("ß", "ss")
