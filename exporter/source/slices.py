"""The other ways down the list, for a platform on which ``offset`` does not reach the window.

First ever larger pages; then, where a cap stops those, slices by action, and by user within an action,
united. Slices are complete when each passed the start of the window or ended below the cap, and the filtered
totals add up to the total: otherwise there may be actions or users that no page has shown yet.
"""

from collections import Counter

from exporter.facts import Check, Result, Window
from exporter.source.dialects import DOCUMENTED_ACTIONS
from exporter.source.ends import Bottom, Listed, ended, missed, reached, recounted, unconfirmed
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.witnesses import Head

_WITNESSES = 10  # entries at the end of a page that have to lie before the window: one may be misdated
_TELLING = 2  # entries that a total has to count to tell the log from the one entry of a page
_MOST_SLICES = 500  # by action and user, after which what is left counts as cut off


class LimitPass:
    """Ever larger pages from the head, until two in a row hold less than was asked for."""

    def __init__(self, reader: Reader, window: Window, head: Head, *, met: int) -> None:
        """``met`` is how many entries the log holds at least."""
        self._reader = reader
        self._window = window
        self._head = head
        self._met = met

    def run(self) -> Check:
        """Read until the start of the window or the end of the list, and state how far that was."""
        short_before = False
        while True:
            self._reader.limit *= 2
            page = self._reader.page()
            self._head.remember(page)
            if _passed(page, self._window):
                return reached(self._window, f"the last {_WITNESSES} of {page.size:,} entries are older")
            short = page.size < self._reader.limit
            if short and short_before:
                return self._end(page)
            short_before = short
            del page  # the next one may take as much memory

    def _end(self, page: Page) -> Check:
        page = recounted(page, lambda _page: self._reader.page())
        # A single entry is one of itself, whatever it is that is counted.
        counts_the_log = page.total is not None and page.total >= max(self._met, _TELLING)
        actions = page.rows.batch["action"].to_pylist()
        listed = Listed(
            entries=page.size,
            total=page.total if counts_the_log else None,
            counts=Counter(actions),
            last=dict(zip(actions, page.moments, strict=True)),
            bottom=Bottom.of(page) if page.size else None,
            by_offset=False,
        )
        end = ended(self._reader, self._window, listed)
        if end.result is Result.AS_EXPECTED and page.oldest != self._reader.oldest:
            found = f"the list ended after {page.size:,} entries, though older ones had been met"
            return unconfirmed(self._window, found)
        return end


class SlicePass:
    """The entries of each action that is documented or was seen; where the cap cuts one off, by user."""

    def __init__(self, reader: Reader, window: Window) -> None:
        self._reader = reader
        self._window = window
        self._cap = reader.largest_page
        self._bottom = reader.oldest
        self._listed = frozenset(reader.actions)
        self._cut_off: list[str] = []
        self._slices = 0
        self._emails: dict[str, str] = {}
        self._takes_ids: bool | None = None
        self.go_below = False
        """Whether they hold entries older than the list of the whole log did."""

    @property
    def by_user(self) -> bool:
        """Whether an action was cut off, and asked for user by user."""
        return self._slices > 0

    def run(self) -> Check:
        """Read slice after slice, as long as they show new actions, and state how far that was."""
        done: dict[str, int | None] = {}
        while pending := sorted((DOCUMENTED_ACTIONS | self._reader.actions) - done.keys()):
            action = pending[0]
            page = self._reader.slice(action=action)
            if not page.is_of(action):
                return missed(self._window, "pages are capped, and the platform takes no notice of filters")
            if not page.size and action in self._listed:
                return missed(self._window, f"pages are capped, and the filter does not give {action}")
            self._place(page)
            if self._is_cut_off(page, self._reader.totals.last):
                done[action] = self._read_users(action, page)
            else:
                done[action] = self._counted(page)
        if self._cut_off:
            named = ", ".join(self._cut_off[:3])
            return missed(self._window, f"the cap of {self._cap:,} entries cuts off {named}")
        if self._adds_up(list(done.values()), self._reader.page().total):
            return reached(self._window, f"{len(done):,} actions passed it, and their totals add up")
        return unconfirmed(self._window, f"{len(done):,} actions passed it, but there may be others")

    def _read_users(self, action: str, whole: Page) -> int | None:
        """Read an action user by user; returns its total, or ``None`` where theirs do not add up to it."""
        done: dict[str, int | None] = {}
        self._emails.update(_emails(whole))
        placed = zip(whole.ids, whole.moments, strict=True)
        unmet = {id_ for id_, moment in placed if moment >= self._window.since}
        while pending := sorted(self._reader.users - done.keys()):
            user = pending[0]
            page = self._by_user(action, user)
            done[user] = self._counted(page)
            unmet.difference_update(page.ids)
            self._place(page)
            self._slices += 1
            if self._is_cut_off(page, whole.total) or self._slices > _MOST_SLICES:
                self._cut_off.append(f"{action} by {user}")
                return None
        if unmet:  # by nobody who has a name, or by someone whom the filter does not give
            self._cut_off.append(action)
        total = self._reader.slice(action=action).total
        return total if self._adds_up(list(done.values()), total) else None

    def _by_user(self, action: str, user: str) -> Page:
        """Return the entries of a user, by e-mail address where the filter was seen to take no ids."""
        email = self._emails.get(user)
        if email is None or self._takes_ids:
            return self._reader.slice(action=action, user=user)
        if self._takes_ids is None:
            page = self._reader.slice(action=action, user=user)
            if page.size:
                self._takes_ids = True
                return page
        page = self._reader.slice(action=action, user=email)
        if page.size:
            self._takes_ids = False
        return page

    def _place(self, page: Page) -> None:
        if page.oldest is not None and self._bottom is not None:
            self.go_below |= page.oldest < self._bottom

    def _is_cut_off(self, page: Page, among: int | None) -> bool:
        """Tell whether a slice ends at the cap, or before a total that is its own: less than ``among``."""
        lacks = page.total is not None and among is not None and page.size < page.total < among
        return (page.size >= self._cap or lacks) and not _passed(page, self._window)

    def _counted(self, page: Page) -> int | None:
        """Return a slice's total; ``None`` where the slice neither holds that many nor passed the window."""
        holds = page.total is not None and page.size >= page.total
        return page.total if holds or _passed(page, self._window) else None

    @staticmethod
    def _adds_up(parts: list[int | None], total: int | None) -> bool:
        """Tell whether the parts are the whole, if its ``total`` was asked for after them.

        Before them, entries that joined them meanwhile would stand for others that none of them holds.
        """
        return None not in parts and sum(filter(None, parts)) == total


def _emails(page: Page) -> dict[str, str]:
    """Return the e-mail addresses of the users on a page who have ids as well."""
    users = zip(
        page.rows.batch["actor_id"].to_pylist(), page.rows.batch["actor_email"].to_pylist(), strict=True
    )
    return {id_: email for id_, email in users if id_ and email}


def _passed(page: Page, window: Window) -> bool:
    """Tell whether the last entries of a page, and not merely one of them, lie before the window."""
    oldest = page.moments[-_WITNESSES:]
    return len(oldest) == _WITNESSES and max(oldest) < window.since
