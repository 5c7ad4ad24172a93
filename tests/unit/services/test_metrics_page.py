"""docs/metrics.md lists what /metrics gives: nothing is missing, nothing is stale, and the alerts ask for what there is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import ProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from adyton.metrics import Metrics
from adyton.services.gauges import FAMILIES, PREFIX
from support.api import Api

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()


def exported() -> dict[str, set[str]]:
    """Every name under which samples are given (histograms: the family's), and its labels."""
    found = {PREFIX + name + ("_total" if family.counts else ""): set(family.labels) for name, family in FAMILIES.items()}
    for counted in vars(Metrics()).values():
        for family in counted.collect() if hasattr(counted, "_labelnames") else ():
            found[family.name + ("_total" if family.type == "counter" else "")] = set(counted._labelnames)
    found |= {sample.name: set() for family in ProcessCollector(registry=None).collect() for sample in family.samples}
    return found


def listed() -> dict[str, set[str]]:
    """The same, as the page says it."""
    found: dict[str, set[str]] = {}
    for line in PAGE.splitlines():
        cells = line.split("|")
        if len(cells) == 5 and "`" in cells[1]:
            for name in re.findall(r"`([^`]+)`", cells[1]):
                assert name not in found, f"{name} is listed twice"
                found[name] = set(re.findall(r"`([^`]+)`", cells[2]))
    return found


def rules() -> list[tuple[str, str, str]]:
    """Name, expression and annotations of each alert."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return re.findall(
        r"- alert: (\w+)\n +expr: (.*?)\n +(?:for: \w+\n +)?annotations:\n +summary: (.*?)(?=\n +- alert|\Z)", block, re.DOTALL
    )


def test_the_page_lists_every_metric_with_its_labels_and_no_other() -> None:
    assert listed() == exported()


async def test_what_is_given_is_what_is_declared(api: Api) -> None:
    text = (await api.client.get("/metrics")).text
    given = {family.name for family in text_string_to_metric_families(text)}
    assert given <= {name.removesuffix("_total") for name in exported()}


def test_every_rule_is_understood() -> None:
    assert len(rules()) == PAGE.count("- alert:") > 10


@pytest.mark.parametrize(("name", "expression", "summary"), rules())
def test_every_alert_asks_for_what_there_is(name: str, expression: str, summary: str) -> None:
    names, labels = set(exported()), {label for found in exported().values() for label in found}
    assert name.startswith("Adyton")
    assert set(re.findall(r"adyton_\w+", expression)) <= names
    assert set(re.findall(r"[{,](\w+)=", expression)) <= labels | {"job"}
    assert set(re.findall(r"\$labels\.(\w+)", summary)) <= labels


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as opened:
        yield opened
