"""Attempts to prove who one is are limited: by account and key, and by address.

An attempt counts from its beginning, so that many at once are no way around; it is taken back unless it was wrong. What is
counted against does not have to exist, so nothing is told by it. In memory, and bounded: a restart forgets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import msgspec

from adyton.domain.errors import Refused, Unauthenticated
from adyton.ports import Clock

ADDRESS_LIMIT, ADDRESS_PERIOD = 60, 60.0
"""Wrong secrets of an address in as many seconds. They cannot be guessed, so this is about work, not about luck."""
_SECOND = 1_000_000
_KEPT = 10_000


class TooManyAttempts(Refused):
    """Wait (status 429); ``retry_after`` seconds."""

    usual = "ADY-0102"

    def __init__(self, words: str, retry_after: int, code: str = "") -> None:
        super().__init__(words, code=code)
        self.retry_after = retry_after


class _Window(msgspec.Struct):
    ends: int
    count: int = 0


class Failures:
    """Counts failures by name in windows that begin with the first."""

    def __init__(self, clock: Clock, *, limit: int, period: float) -> None:
        """``limit`` failures in ``period`` seconds; then a name waits until its window ends."""
        self._clock = clock
        self._limit = limit
        self._period = round(period * _SECOND)
        self._windows: dict[bytes, _Window] = {}

    def wait(self, name: str) -> int:
        """Seconds that a name must wait, rounded up; 0 when it need not."""
        now = self._clock.now()
        window = self._windows.get(_key(name))
        if window is None or window.count < self._limit or not self._current(window, now):
            return 0
        return -(-(window.ends - now) // _SECOND)

    def add(self, name: str) -> None:
        """Count one."""
        key, now = _key(name), self._clock.now()
        window = self._windows.get(key)
        if window is None or not self._current(window, now):
            if window is None and len(self._windows) >= _KEPT:
                self._make_room(now)
            window = self._windows[key] = _Window(now + self._period)
        window.count += 1

    def take_back(self, name: str) -> None:
        """It was none."""
        window = self._windows.get(_key(name))
        if window is not None and window.count:
            window.count -= 1

    def _current(self, window: _Window, now: int) -> bool:
        # A window that seems to lie further away than a period was begun before the machine's time was set back.
        return now < window.ends <= now + self._period

    def _make_room(self, now: int) -> None:
        """Names with few failures go first: whoever invents names does not free one that waits."""
        current = [(key, window) for key, window in self._windows.items() if self._current(window, now)]
        current.sort(key=lambda pair: (pair[1].count, pair[1].ends))
        self._windows = dict(current[len(current) - _KEPT // 2 :] if len(current) > _KEPT // 2 else current)


class Throttle:
    """The limits of a node.

    Accounts wait whoever asks: a stranger may keep an owner from logging in for a while, and never ends what is open. Keys wait
    too, but not at an address from which the key was used rightly in the period: no stranger stops a program that is at work.
    """

    def __init__(self, clock: Clock, *, limit: int, period: float) -> None:
        """``limit`` wrong passwords for an account, or wrong secrets for a key, in ``period`` seconds."""
        self._clock = clock
        self._period = round(period * _SECOND)
        self._accounts = Failures(clock, limit=limit, period=period)
        self._prompts = Failures(clock, limit=limit, period=period)
        self._keys = Failures(clock, limit=limit, period=period)
        self._addresses = Failures(clock, limit=ADDRESS_LIMIT, period=ADDRESS_PERIOD)
        self._good: dict[tuple[str, str], int] = {}

    @contextmanager
    def login(self, email: str) -> Iterator[None]:
        """Around the check of a password at the door. Raises TooManyAttempts; Unauthenticated inside counts."""
        _refuse(self._accounts.wait(email), "for this account")
        with _counted((self._accounts, email)):
            yield

    @contextmanager
    def prompt(self, name: str) -> Iterator[None]:
        """Around the check of a password that someone who is logged in gives again: their own (``name`` is their e-mail), or
        the keystore's. Wrong ones count at the door too, but those at the door not here."""
        _refuse(self._prompts.wait(name), "here")
        with _counted((self._prompts, name), (self._accounts, name)):
            yield

    @contextmanager
    def secret(self, key: str, address: str) -> Iterator[None]:
        """Around the check of a key's secret. Raises TooManyAttempts; Unauthenticated inside counts."""
        now = self._clock.now()
        if not 0 <= now - self._good.get((key, address), -self._period) < self._period:
            _refuse(self._keys.wait(key), "for this key")
            _refuse(self._addresses.wait(address), "from this address")
        with _counted((self._keys, key), (self._addresses, address)):
            yield
        if len(self._good) >= _KEPT and (key, address) not in self._good:
            self._good.clear()
        self._good[key, address] = now


@contextmanager
def _counted(*counts: tuple[Failures, str]) -> Iterator[None]:
    for failures, name in counts:
        failures.add(name)
    try:
        yield
    except Unauthenticated:
        raise
    except BaseException:
        _taken_back(counts)
        raise
    _taken_back(counts)


def _taken_back(counts: tuple[tuple[Failures, str], ...]) -> None:
    for failures, name in counts:
        failures.take_back(name)


def _refuse(wait: int, where: str) -> None:
    if wait:
        raise TooManyAttempts(f"too many wrong attempts {where}; try again in {wait} s", wait)


def _key(name: str) -> bytes:
    """As long as any other, however long the name is."""
    return sha256(name.encode(errors="surrogatepass")).digest()
