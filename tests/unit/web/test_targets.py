"""Which paths and queries are looked at."""

from __future__ import annotations

import pytest

from adyton.web.targets import LONGEST, MOST_PARAMETERS, Targets
from support.middle import ask, says_what_arrives


async def code(target: str) -> str:
    answer = await ask(Targets(says_what_arrives), url=f"http://node.example{target}")
    return "" if answer.status_code == 200 else f"{answer.status_code} {answer.json()['errors'][0]['code']}"


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("/v2/specs/abc?size=1", ""),
        ("/v2/specs/%C3%BC?x=%C3%BC", ""),
        ("/v2/specs/%2500", ""),
        ("/v2/specs/a%2Fb", ""),
        ("/v2/specs/%00", "400 ADY-1003"),
        ("/v2/specs?sort=a%00b", "400 ADY-1003"),
        ("/v2/specs/%ff", "400 ADY-1003"),
        ("/v2/specs?x=%c0%af", "400 ADY-1003"),
        ("/v2/specs/%ed%a0%80", "400 ADY-1003"),
        (f"/{'a' * LONGEST}", "414 ADY-1004"),
        (f"/x?{'a' * LONGEST}", "414 ADY-1004"),
        (f"/x?{'a&' * MOST_PARAMETERS}", "414 ADY-1004"),
        (f"/{'a' * (LONGEST - 1)}", ""),
    ],
)
async def test_targets_are_text_and_have_an_end(target: str, wanted: str) -> None:
    assert await code(target) == wanted
