"""Who an external initiator is, and what it is told where."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import external_initiators as domain
from adyton.domain.external_initiators import ExternalInitiator, Wanted
from adyton.domain.jobs import Initiator, Job, TaskSpec
from support.builders import JOB_ID, NOW

LETTERS = set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Draws:
    """Bytes that count up, so that every value comes."""

    def __init__(self) -> None:
        self._values = itertools.cycle(range(256))

    def __call__(self, size: int) -> bytes:
        return bytes(itertools.islice(self._values, size))


def test_a_secret_is_kept_as_the_hash_of_v062() -> None:
    made, secret = domain.make(None, Draws(), NOW)
    text = f"v0-{made.access_key}-{secret}-{made.salt}"
    assert made.secret_hash == hashlib.new("sha3-256", text.encode()).hexdigest()
    assert secret not in (made.secret_hash, made.salt)
    assert domain.proves(made, made.access_key, secret)


def test_bytes_that_would_make_some_letters_likelier_are_drawn_again() -> None:
    values = itertools.chain([255, 248], itertools.cycle(range(248)))
    _, secret = domain.make(None, lambda size: bytes(itertools.islice(values, size)) if size == 64 else bytes(size), NOW)
    assert secret[:10] == "0123456789"
    assert (len(secret), len(set(secret))) == (64, len(LETTERS))


@given(secret=st.text(max_size=80), key=st.text(max_size=40))
def test_no_other_secret_proves_anything(secret: str, key: str) -> None:
    made, right = domain.make(None, Draws(), NOW)
    assert domain.proves(made, made.access_key, secret) is (secret == right)
    assert not domain.proves(None, key, secret)


def test_one_without_a_url_has_nothing_to_send_it() -> None:
    made, _ = domain.make(Wanted("outside", None), Draws(), NOW)
    assert (made.outgoing_token, made.outgoing_secret) == (None, None)
    assert made.called == "outside"


@pytest.mark.parametrize(
    ("url", "forget"),
    [
        ("https://a.example/jobs", "https://a.example/jobs/1f"),
        ("https://a.example/jobs/", "https://a.example/jobs/1f"),
        ("http://a.example:8080", "http://a.example:8080/1f"),
        ("https://u:p@a.example/jobs?key=k#x", "https://u:p@a.example/jobs/1f?key=k"),
    ],
)
def test_a_job_is_forgotten_below_the_url(url: str, forget: str) -> None:
    assert domain.forget_url(url, "1f") == forget


def test_a_url_is_shown_without_user_and_query() -> None:
    assert domain.shown_url("https://u:p@a.example:8/jobs?key=k#x") == "https://a.example:8/jobs"


def test_news_of_a_job_has_its_id_and_what_was_written_for_the_initiator() -> None:
    def job(body: dict[str, object] | None) -> Job:
        external = Initiator(type="external", name="outside", body=body)
        return Job(id=JOB_ID, initiators=(Initiator(type="web"), external), tasks=(TaskSpec(type="noop"),))

    assert domain.news_of(job({"b": 1})) == f'{{"jobId":"{JOB_ID}","params":{{"b":1}},"type":"external"}}'
    assert domain.news_of(job(None)) == f'{{"jobId":"{JOB_ID}","params":{{}},"type":"external"}}'


def test_an_initiator_shows_no_secret_by_which_it_is_called() -> None:
    anonymous = ExternalInitiator(access_key="ab" * 16, secret_hash="h", salt="s")
    assert anonymous.called == "ab" * 16
