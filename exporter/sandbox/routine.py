"""Everyday work: deploys, by people in office hours and by automation at any hour, and what follows on them.

A day is planned first, as steps in no order, and then carried out step by step in order of time, so that
what an entry calls old is what the entry before it called new.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date
from itertools import accumulate
from typing import TypeAlias

from exporter.sandbox.cast import Actor, Cast, Resource
from exporter.sandbox.entry import Entry, Json
from exporter.sandbox.hours import DAY, FRIDAY, MINUTE, Period, berlin, berlin_day
from exporter.sandbox.scribe import Scribe, change

Act: TypeAlias = Callable[[int, Actor, Resource], Entry]
"""Does one thing at a moment, nanoseconds since 1970, and gives the entry it leaves."""

Work: TypeAlias = list[tuple[int, Act, Resource]]
"""Steps of one piece of work: nanoseconds after its beginning, what, to what."""

WEEKEND = 0.22
"""How busy a day of the weekend is, against a working day."""

AUTOMATION_SHARE = 0.45
AUTOMATION_SHARE_AT_WEEKENDS = 0.97
"""Share of the pieces of work that automation begins."""

NIGHT_SHARE = 0.012
"""Share of people's work that is done at night."""

SILENCE = 0.6
"""Share of the period at which the platform is shut for one weekend, if it is longer than a fortnight."""

FEW, MANY = 2, 4
"""Replicas of a service in quiet and in busy hours."""

COMMIT_SHARE = {"user": 0.6, "ci": 0.95, "service": 0.0}
"""Share of deploys that name a commit, by type of actor."""

TICKET_SHARE = 0.4
"""Share of deploys that name a ticket."""


def work(cast: Cast, period: Period, scribe: Scribe, count: int) -> Iterator[Entry]:
    """Do exactly ``count`` entries of work, in order of time, spread over the period's days."""
    days = list(period.days())
    silent = _silent_weekend(period)
    busy = list(accumulate(_busyness(day, period, silent) for day in days))
    shop = _Shop(cast, scribe)
    done = 0
    for day, so_far in zip(days, busy, strict=True):
        due = round(count * so_far / busy[-1])
        steps = _plan(shop, day, period, due - done)
        done = due
        for moment, _, act, actor, resource in sorted(steps, key=lambda step: step[:2]):
            yield act(moment, actor, resource)


def _busyness(day: date, period: Period, silent: frozenset[date]) -> float:
    """How much of the work falls on a day, in working days."""
    if day in silent:
        return 0.0
    begins, ends = _bounds(day, period)
    return (ends - begins) / DAY * (WEEKEND if day.weekday() > FRIDAY else 1.0)


def _silent_weekend(period: Period) -> frozenset[date]:
    if period.ends - period.begins < 14 * DAY:
        return frozenset()
    first = berlin_day(period.moment(SILENCE)).toordinal()
    following = (date.fromordinal(first + ahead) for ahead in range(7))
    return frozenset(day for day in following if day.weekday() > FRIDAY)


def _bounds(day: date, period: Period) -> tuple[int, int]:
    """Cut a day to the part of it that lies in the period."""
    midnight = berlin(date.fromordinal(day.toordinal() + 1), 0)
    return max(berlin(day, 0), period.begins), min(midnight, period.ends)


def _plan(
    shop: "_Shop", day: date, period: Period, count: int
) -> list[tuple[int, int, Act, Actor, Resource]]:
    """Plan ``count`` steps for one day: when, order among equals, what, who, to what."""
    rng = shop.rng
    begins, ends = _bounds(day, period)
    automated = AUTOMATION_SHARE_AT_WEEKENDS if day.weekday() > FRIDAY else AUTOMATION_SHARE
    people = shop.present(begins, ends)
    steps: list[tuple[int, int, Act, Actor, Resource]] = []
    while len(steps) < count:
        if rng.random() < automated:
            actor, moment = rng.choice(shop.automation), rng.randrange(begins, ends)
        else:
            actor, moment = rng.choice(people), _human_moment(rng, day, begins, ends)
        for delay, act, resource in shop.draw(actor, count - len(steps)):
            steps.append((min(moment + delay, ends - 1), len(steps), act, actor, resource))
    return steps


def _human_moment(rng: random.Random, day: date, begins: int, ends: int) -> int:
    hour = rng.uniform(21, 24) if rng.random() < NIGHT_SHARE else rng.triangular(8.5, 18.5, 11)
    moment = berlin(day, hour) + rng.randrange(MINUTE)
    return moment if begins <= moment < ends else rng.randrange(begins, ends)


class _Shop:
    """What is running, in which version, and who may touch it."""

    def __init__(self, cast: Cast, scribe: Scribe) -> None:
        self.people = cast.people
        self.automation = [actor for actor in cast.automation for _ in range(actor.weight)]
        self.services = cast.services
        self.secrets = [cast.resource("secret", f"{service.name}/database") for service in cast.services]
        self.tokens = [cast.resource("token", f"{service.name}-deploy") for service in cast.services]
        self.scribe = scribe
        self.rng = scribe.rng
        self.newest = dict.fromkeys((service.name for service in cast.services), 0)
        self.running = dict(self.newest)
        self.replicas = dict.fromkeys(self.newest, FEW)

    def present(self, begins: int, ends: int) -> list[Actor]:
        """Return who is there from ``begins`` to ``ends``, each as often as they are busy."""
        return [
            person
            for person in self.people
            for _ in range(person.weight)
            if (person.joined is None or person.joined < begins)
            and (person.left is None or person.left >= ends)
        ]

    def draw(self, actor: Actor, room: int) -> Work:
        """Draw a piece of work that suits the actor and takes at most ``room`` steps."""
        pieces, shares = HABITS[actor.duty]
        work = self.rng.choices(pieces, shares)[0](self)
        return work if len(work) <= room else self.rescale()

    def release(self) -> Work:
        return [(0, self._deploy, self.rng.choice(self.services))]

    def release_and_repair(self) -> Work:
        service = self.rng.choice(self.services)
        return [
            (0, self._deploy, service),
            (self.rng.randrange(4 * MINUTE, 45 * MINUTE), self._roll_back, service),
        ]

    def release_at_once(self) -> Work:
        return [(0, self._deploy, service) for service in self.rng.sample(self.services, 4)]

    def rescale(self) -> Work:
        return [(0, self._scale, self.rng.choice(self.services))]

    def replace_secret(self) -> Work:
        return self._replace(self.rng.choice(self.secrets))

    def replace_token(self) -> Work:
        return self._replace(self.rng.choice(self.tokens))

    def _replace(self, resource: Resource) -> Work:
        return [(0, self._delete, resource), (self.rng.randrange(MINUTE, 9 * MINUTE), self._create, resource)]

    def _deploy(self, moment: int, actor: Actor, service: Resource) -> Entry:
        self.newest[service.name] += 1
        return self._run(moment, actor, "deploy", service, self.newest[service.name])

    def _roll_back(self, moment: int, actor: Actor, service: Resource) -> Entry:
        return self._run(moment, actor, "deploy.rollback", service, self.running[service.name] - 1)

    def _run(self, moment: int, actor: Actor, action: str, service: Resource, version: int) -> Entry:
        old, self.running[service.name] = self.running[service.name], version
        image = change(_image(service, old), _image(service, version))
        return self.scribe.write(moment, actor, action, service, {"image": image}, **self._origin(actor))

    def _scale(self, moment: int, actor: Actor, service: Resource) -> Entry:
        old = self.replicas[service.name]
        self.replicas[service.name] = new = FEW if old == MANY else MANY
        return self.scribe.write(moment, actor, "deploy", service, {"replicas": change(old, new)})

    def _create(self, moment: int, actor: Actor, resource: Resource) -> Entry:
        return self.scribe.write(moment, actor, f"{resource.type}.create", resource, reason="rotation")

    def _delete(self, moment: int, actor: Actor, resource: Resource) -> Entry:
        return self.scribe.write(moment, actor, f"{resource.type}.delete", resource, reason="rotation")

    def _origin(self, actor: Actor) -> dict[str, Json]:
        """Say where a change came from; people often say no more than that they made it."""
        origin: dict[str, Json] = {}
        if self.rng.random() < COMMIT_SHARE[actor.type]:
            origin["commit"] = self.scribe.commit()
        if self.rng.random() < TICKET_SHARE:
            origin["ticket"] = f"ACME-{self.rng.randrange(1000, 10_000)}"
        return origin


def _image(service: Resource, version: int) -> str:
    return f"registry.acme.example/{service.name}:1.{version // 10}.{version % 10}"


HABITS: dict[str, tuple[tuple[Callable[[_Shop], Work], ...], tuple[float, ...]]] = {
    "develop": (
        (_Shop.release, _Shop.release_and_repair, _Shop.rescale, _Shop.replace_secret, _Shop.replace_token),
        (0.945, 0.02, 0.02, 0.01, 0.005),
    ),
    "deliver": ((_Shop.release, _Shop.release_and_repair, _Shop.release_at_once), (0.97, 0.02, 0.01)),
    "scale": ((_Shop.rescale,), (1.0,)),
    "rotate": ((_Shop.replace_secret,), (1.0,)),
}
"""The pieces of work that make up a duty, and the share of each."""
