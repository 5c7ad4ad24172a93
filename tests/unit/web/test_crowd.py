"""Places for connections: in all, and for one address."""

from __future__ import annotations

from adyton.services.edge import Edge
from adyton.web.crowd import Crowd


class Guest:
    """A connection that remembers what became of it."""

    def __init__(self, crowd: Crowd, address: str) -> None:
        self.crowd = crowd
        self.states: list[str] = []
        crowd.enter(self, address)

    @property
    def state(self) -> str:
        return self.states[-1]

    def admitted(self) -> None:
        self.states.append("admitted")

    def held(self) -> None:
        self.states.append("held")

    def sent_away(self) -> None:
        self.states.append("sent away")


def crowd(most: int = 10, most_of_one: int = 4, files: int = 100_000) -> Crowd:
    return Crowd(most=most, most_of_one=most_of_one, files=files, edge=Edge())


def addresses(count: int) -> list[str]:
    return [f"192.0.2.{number}" for number in range(count)]


def test_whoever_finds_room_is_served() -> None:
    here = crowd()
    assert {Guest(here, address).state for address in addresses(10)} == {"admitted"}


def test_who_comes_when_it_is_full_waits_for_the_first_to_leave() -> None:
    here = crowd()
    inside = [Guest(here, address) for address in addresses(10)]
    first, second = Guest(here, "198.51.100.1"), Guest(here, "198.51.100.2")
    assert (first.state, second.state) == ("held", "held")
    here.leave(inside[3])
    assert (first.state, second.state) == ("admitted", "held")


def test_one_address_cannot_take_every_place() -> None:
    here = crowd()
    busy = [Guest(here, "192.0.2.1") for _ in range(6)]
    other = Guest(here, "192.0.2.2")
    assert [guest.state for guest in busy] == ["admitted"] * 4 + ["held"] * 2
    assert other.state == "admitted"
    here.leave(other)
    assert busy[4].state == "held"
    here.leave(busy[0])
    assert busy[4].state == "admitted"


def test_the_addresses_of_one_network_of_ipv6_are_one() -> None:
    here = crowd()
    guests = [Guest(here, f"2001:db8::{number:x}") for number in range(1, 6)]
    assert guests[-1].state == "held"
    assert Guest(here, "2001:db8:0:1::1").state == "admitted"


def test_the_longest_idle_makes_room() -> None:
    here = crowd()
    inside = [Guest(here, address) for address in addresses(10)]
    for guest in (inside[5], inside[2], inside[7]):
        here.rests(guest)
    here.works(inside[5])
    newcomer = Guest(here, "198.51.100.1")
    assert inside[2].state == "sent away"
    here.leave(inside[2])
    assert newcomer.state == "admitted"
    assert inside[7].state == inside[5].state == "admitted"


def test_an_address_with_too_many_loses_its_own() -> None:
    here = crowd()
    mine = [Guest(here, "192.0.2.1") for _ in range(4)]
    other = Guest(here, "192.0.2.2")
    here.rests(other)
    here.rests(mine[0])
    Guest(here, "192.0.2.1")
    assert (mine[0].state, other.state) == ("sent away", "admitted")


def test_who_comes_to_rest_while_others_wait_goes() -> None:
    here = crowd()
    inside = [Guest(here, address) for address in addresses(10)]
    Guest(here, "198.51.100.1")
    here.rests(inside[0])
    assert inside[0].state == "sent away"


def test_there_is_an_end_to_waiting() -> None:
    here = crowd(files=80)  # a tenth may wait: no process has files without end
    for address in addresses(10):
        Guest(here, address)
    waiting = [Guest(here, "198.51.100.1") for _ in range(11)]
    assert [guest.state for guest in waiting] == ["held"] * 10 + ["sent away"]


def test_there_are_never_more_places_than_files() -> None:
    here = crowd(most=10_000, most_of_one=10_000, files=1024)
    states = [Guest(here, "192.0.2.1").state for _ in range(500)]
    assert states.count("admitted") == 1024 - 512 - 128


def test_whoever_leaves_twice_or_waiting_is_forgotten() -> None:
    edge = Edge()
    here = Crowd(most=10, most_of_one=10, files=100_000, edge=edge)
    inside = [Guest(here, address) for address in addresses(10)]
    waiting = Guest(here, "198.51.100.1")
    assert (edge.connections, edge.waiting) == (10, 1)
    here.leave(waiting)
    here.rests(inside[0])
    for guest in (*inside, *inside, waiting):
        here.leave(guest)
    assert (edge.connections, edge.waiting) == (0, 0)
    assert here._counts == {}
    assert here._idle == {}
