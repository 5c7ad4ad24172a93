"""Lists: a page, a size, or everything."""

from __future__ import annotations

import json

import pytest
import yaml

from support.command_line import Adyton, StandIn


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def pages(node: StandIn, *each: list[int], repeated: int = 0) -> None:
    """Pages of bridges, each leading to the next."""
    count = sum(map(len, each))
    for number, ids in enumerate(each, 1):
        shown = [*range(ids[0] - repeated, ids[0]), *ids] if number > 1 else ids
        data = [
            {"type": "bridges", "id": f"b{i}", "attributes": {"name": f"b{i}", "url": "http://h", "confirmations": i}}
            for i in shown
        ]
        links = {"next": f"/v2/bridge_types?page={number + 1}&size=2"} if number < len(each) else {}
        node.answers({"data": data, "links": links, "meta": {"count": count}})


def test_a_size_can_be_chosen(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(links={"next": "/v2/specs?page=4&size=3"}, count=12)
    result = adyton("jobs", "--page", "3", "--size", "3")
    assert node.asked[0].line == "GET /v2/specs?page=3&size=3"
    assert result.stderr == "Page 3, 3 to a page, 12 in all. Next: --page 4; all: --all\n"


def test_all_pages_become_one_table(adyton: Adyton, node: StandIn) -> None:
    pages(node, [1, 2], [3, 4], [5])
    result = adyton("bridges", "--all", "--size", "2")
    assert [asked.line for asked in node.asked] == [
        "GET /v2/bridge_types?size=2",
        "GET /v2/bridge_types?page=2&size=2",
        "GET /v2/bridge_types?page=3&size=2",
    ]
    assert [line.split()[1] for line in result.stdout.splitlines()[4::2]] == ["b1", "b2", "b3", "b4", "b5"]
    assert result.stdout.count("╔") == 1
    assert result.stderr == ""


@pytest.mark.parametrize(("form", "read"), [("--json", json.loads), ("--yaml", yaml.safe_load)])
def test_all_pages_become_one_document(adyton: Adyton, node: StandIn, form: str, read: object) -> None:
    assert callable(read)
    pages(node, [1, 2], [3])
    assert [each["name"] for each in read(adyton("bridges", "list", "--all", form).stdout)] == ["b1", "b2", "b3"]
    node.answers_many()
    assert read(adyton("bridges", "list", "--all", form).stdout) == []


def test_the_document_looks_the_same_whether_it_came_in_pages_or_not(adyton: Adyton, node: StandIn) -> None:
    pages(node, [1, 2])
    pages(node, [1, 2])
    assert adyton("bridges", "-j").stdout == adyton("bridges", "-j", "--all").stdout


def test_what_newer_items_moved_to_the_next_page_is_told_once(adyton: Adyton, node: StandIn) -> None:
    pages(node, [1, 2, 3], [4, 5], repeated=2)
    assert [each["name"] for each in json.loads(adyton("bridges", "--all", "-j").stdout)] == ["b1", "b2", "b3", "b4", "b5"]


def test_a_list_that_leads_to_itself_ends(adyton: Adyton, node: StandIn) -> None:
    for _ in range(2):
        node.answers(
            {"data": [{"id": "b1", "attributes": {"name": "b1"}}], "links": {"next": "/v2/bridge_types"}, "meta": {"count": 9}}
        )
    result = adyton("bridges", "--all")
    assert result.exit_code == 1
    assert result.stderr.startswith("The list does not end")
    assert len(node.asked) == 2


def test_a_list_does_not_lead_to_another_host(adyton: Adyton, node: StandIn) -> None:
    node.answers({"data": [{"id": "b1", "attributes": {}}], "links": {"next": "http://evil.example/"}})
    assert adyton("bridges", "--all", "-j").exit_code == 1
    assert len(node.asked) == 1


def test_a_refusal_between_the_pages_ends_with_1(adyton: Adyton, node: StandIn) -> None:
    node.answers({"data": [{"id": "b1", "attributes": {}}], "links": {"next": "/v2/bridge_types?page=2"}})
    node.refuses(503, "the database is away")
    result = adyton("bridges", "--all")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("503 Service Unavailable; the database is away\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--page", "2", "--all"], "--page and --all exclude each other."),
        (["--size", "0"], "'0' is no whole number from 1 to 1000."),
        (["--page", "x"], "'x' is no whole number from 1."),
    ],
)
def test_what_makes_no_sense_ends_with_2(adyton: Adyton, node: StandIn, options: list[str], message: str) -> None:
    result = adyton("runs", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert node.asked == []
