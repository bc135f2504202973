"""The year's events that an auditor would ask about, each told by one function.

Shares of the period say when; where an event follows on another, minutes or hours do.
"""

from collections.abc import Callable, Iterator, Mapping

from exporter.sandbox.cast import ORGANIZATION_ID, ORGANIZATION_NAME, Actor, Cast, Resource
from exporter.sandbox.entry import Entry, Json
from exporter.sandbox.hours import DAY, HOUR, MINUTE, Period
from exporter.sandbox.scribe import Scribe, change

_LINGERING = {"Finn Sørensen": 9, "Xavier Dumont": None}
"""Leavers whose token outlives them: by so many days, or for good."""


class _Teller:
    """Lets a story name people and things instead of handling records."""

    def __init__(self, cast: Cast, period: Period, scribe: Scribe) -> None:
        self.cast = cast
        self.office = period.office
        self.scribe = scribe

    def entry(
        self,
        moment: int,
        who: str | Actor,
        action: str,
        what: Resource,
        changes: Mapping[str, Json] | None = None,
        **metadata: Json,
    ) -> Entry:
        actor = self.cast.actor(who) if isinstance(who, str) else who
        return self.scribe.write(moment, actor, action, what, changes, **metadata)

    def user(self, person: Actor) -> Resource:
        return Resource(type="user", id=person.id, name=person.email)

    def token(self, name: str) -> Resource:
        return self.cast.resource("token", name)

    def secret(self, name: str) -> Resource:
        return self.cast.resource("secret", name)

    def service(self, name: str) -> Resource:
        return self.cast.resource("deployment", name)

    def organization(self) -> Resource:
        return Resource(type="organization", id=ORGANIZATION_ID, name=ORGANIZATION_NAME)


def tell(cast: Cast, period: Period, scribe: Scribe) -> list[Entry]:
    """Tell all the stories: entries in order of time, those only that lie in the period."""
    teller = _Teller(cast, period, scribe)
    entries = [entry for story in _STORIES for entry in story(teller)]
    within = [entry for entry in entries if period.begins <= entry.created_at < period.ends]
    return sorted(within, key=lambda entry: entry.created_at)


def _joiners(tell: _Teller) -> Iterator[Entry]:
    """People are added, two of them straight into a privileged role, and make themselves a token."""
    for number, person in enumerate(tell.cast.people):
        if person.joined is None:
            continue
        ticket = {} if person.name == "Anton Berg" else {"ticket": f"HR-{410 + number}"}
        role = {"role": change(None, person.role), "name": change(None, person.name)}
        by = "Carla Nguyen" if number % 3 else "Boris Keller"
        yield tell.entry(person.joined, by, "user.add", tell.user(person), role, **ticket)
        yield tell.entry(person.joined + HOUR, person, "token.create", tell.token(f"cli-{person.email}"))


def _leavers(tell: _Teller) -> Iterator[Entry]:
    """People are removed; most lose their token within the hour, two do not, one even uses it."""
    for person in tell.cast.people:
        if person.left is None:
            continue
        role = {"role": change(person.role, None)}
        yield tell.entry(person.left, "Boris Keller", "user.remove", tell.user(person), role)
        days = _LINGERING.get(person.name, 0)
        if days is not None:
            gone = person.left + days * DAY + 40 * MINUTE
            yield tell.entry(gone, "Boris Keller", "token.delete", tell.token(f"cli-{person.email}"))
    lingerer = tell.cast.actor("Finn Sørensen")
    if lingerer.left is not None:
        image = {"image": change(_image("ledger-api", "1.0.0"), _image("ledger-api", "1.0.0-hotfix"))}
        yield tell.entry(lingerer.left + 2 * DAY, lingerer, "deploy", tell.service("ledger-api"), image)


def _promotions(tell: _Teller) -> Iterator[Entry]:
    """Roles change: by others, by oneself, by the one who had added the user two days before."""
    for share, by, name, old, new in (
        (0.11, "Boris Keller", "Greta Lindqvist", "developer", "maintainer"),
        (0.24, "Ada Brandt", "Dmitri Okafor", "maintainer", "admin"),
        (0.36, "Carla Nguyen", "Hugo Marchetti", "developer", "maintainer"),
        (0.44, "Boris Keller", "Boris Keller", "admin", "owner"),
        (0.57, "Ada Brandt", "Dmitri Okafor", "admin", "maintainer"),
        (0.76, "Carla Nguyen", "Priya Raman", "developer", "maintainer"),
    ):
        role = {"role": change(old, new)}
        user = tell.user(tell.cast.actor(name))
        yield tell.entry(tell.office(share), by, "user.role.update", user, role)
    newcomer = tell.cast.actor("Cedric Blum")
    if newcomer.joined is not None:
        role = {"role": change(newcomer.role, "admin")}
        moment = newcomer.joined + 2 * DAY
        yield tell.entry(moment, "Carla Nguyen", "user.role.update", tell.user(newcomer), role)


def _tokens(tell: _Teller) -> Iterator[Entry]:
    """Tokens are rotated each quarter, forgotten, switched off and on, deleted without having been seen."""
    for quarter, share in enumerate((0.12, 0.37, 0.62, 0.87)):
        moment = tell.office(share)
        yield tell.entry(moment, "Dmitri Okafor", "token.create", tell.token(f"ci-deploy-{quarter + 1}"))
        old = tell.token(f"ci-deploy-{quarter}")
        yield tell.entry(moment + 20 * MINUTE, "Dmitri Okafor", "token.delete", old)
    for share, action, name in (
        (0.08, "token.create", "legacy-import"),
        (0.15, "token.delete", "old-laptop"),
        (0.20, "token.create", "partner-webhooks"),
        (0.30, "token.disable", "grafana-reader"),
        (0.32, "token.enable", "grafana-reader"),
        (0.55, "token.disable", "partner-webhooks"),
    ):
        enabled = {"token.disable": change(True, False), "token.enable": change(False, True)}
        changes = {"enabled": enabled[action]} if action in enabled else {}
        yield tell.entry(tell.office(share), "Elif Çelik", action, tell.token(name), changes)


def _secrets(tell: _Teller) -> Iterator[Entry]:
    """Secrets are created; some are replaced within minutes, one is deleted as a group."""
    names = ("stripe-key", "smtp-password", "maps-api", "ledger-signing", "fleet-mqtt", "saml-certificate")
    for number, name in enumerate(names):
        yield tell.entry(tell.office(0.04 + number * 0.05), "Elif Çelik", "secret.create", tell.secret(name))
        replaced = tell.office(0.42 + number * 0.08)
        yield tell.entry(replaced, "Elif Çelik", "secret.delete", tell.secret(name), reason="rotation")
        again = replaced + (2 + number) * MINUTE
        yield tell.entry(again, "Elif Çelik", "secret.create", tell.secret(name), reason="rotation")
    group = tell.cast.resource("secret", "legacy-importer/*")
    yield tell.entry(tell.office(0.66), "Elif Çelik", "secret.delete", group, keys=7)


def _services(tell: _Teller) -> Iterator[Entry]:
    """Services are destroyed: some come back within hours, one does not, six previews go in one hour."""

    def create(moment: int, who: str, name: str, version: str) -> Entry:
        changes = {"image": change(None, _image(name, version)), "replicas": change(None, 2)}
        return tell.entry(moment, who, "deploy", tell.service(name), changes, commit=tell.scribe.commit())

    def destroy(moment: int, who: str, name: str) -> Entry:
        return tell.entry(moment, who, "deploy.destroy", tell.service(name), {"replicas": change(2, 0)})

    for number, name in enumerate(("edge-gateway", "report-builder", "demo-portal")):
        gone = tell.office(0.38 + number * 0.17)
        yield create(tell.office(0.05 + number * 0.01), "Hugo Marchetti", name, "1.0.0")
        yield destroy(gone, "Hugo Marchetti", name)
        yield create(gone + (3 + number) * HOUR, "Hugo Marchetti", name, "1.0.1")
    yield create(tell.office(0.02), "Greta Lindqvist", "legacy-importer", "0.9.4")
    yield destroy(tell.office(0.66) + HOUR, "Greta Lindqvist", "legacy-importer")
    for number in range(6):
        name = f"preview-{number + 1}"
        yield create(tell.office(0.47) + number * 2 * MINUTE, "Priya Raman", name, "0.1.0")
        yield destroy(tell.office(0.49) + number * 7 * MINUTE, "Priya Raman", name)


def _domains(tell: _Teller) -> Iterator[Entry]:
    """Domains are pointed at services, and away from them."""
    for share, action, name in (
        (0.06, "domain.add", "shop.acme.example"),
        (0.17, "domain.add", "api.acme.example"),
        (0.29, "domain.add", "status.acme.example"),
        (0.48, "domain.add", "preview.acme.example"),
        (0.50, "domain.remove", "preview.acme.example"),
        (0.67, "domain.remove", "import.acme.example"),
        (0.83, "domain.add", "fleet.acme.example"),
        (0.91, "domain.remove", "status.acme.example"),
    ):
        yield tell.entry(tell.office(share), "Dmitri Okafor", action, tell.cast.resource("domain", name))


def _settings(tell: _Teller) -> Iterator[Entry]:
    """Change the organization itself: its name, how people sign on, who is billed for what."""
    on, off = change(False, True), change(True, False)
    for share, by, changes in (
        (0.10, "Ada Brandt", {"name": change(ORGANIZATION_NAME, f"{ORGANIZATION_NAME} GmbH")}),
        (0.25, "Ada Brandt", {"sso.enforced": on, "sso.provider": change(None, "https://id.acme.example")}),
        (0.51, "Quentin Roux", {"billing.plan": change("team", "scale")}),
        (0.52, "Quentin Roux", {"billing.email": change("ada.brandt@acme.example", "billing@acme.example")}),
        (0.70, "Boris Keller", {"sso.enforced": off}),
        (0.705, "Boris Keller", {"sso.enforced": on}),
    ):
        yield tell.entry(tell.office(share), by, "org.update", tell.organization(), changes)


def _unheard_of(tell: _Teller) -> Iterator[Entry]:
    """Two kinds of action that no list of actions names; the quotas go beyond what a float can hold."""
    hooks = tell.cast.resource("webhook", "orders-paid")
    for number in range(9):
        share = 0.58 + number * 0.04
        yield tell.entry(tell.office(share), "Nora Haddad", "webhook.replay", hooks, deliveries=number + 1)
    storage = tell.cast.resource("quota", "object-storage")
    for number in range(6):
        limit = {"bytes": change(2**53 + 1 + number, 2**53 + 2 + number)}
        yield tell.entry(tell.office(0.34 + number * 0.1), "Boris Keller", "quota.adjust", storage, limit)


def _image(name: str, version: str) -> str:
    return f"registry.acme.example/{name}:{version}"


_STORIES: tuple[Callable[[_Teller], Iterator[Entry]], ...] = (
    _joiners,
    _leavers,
    _promotions,
    _tokens,
    _secrets,
    _services,
    _domains,
    _settings,
    _unheard_of,
)
