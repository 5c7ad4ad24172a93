"""Hundreds of seeds with everything that can go wrong: each request comes to exactly one end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from adyton.cli.main import main
from adyton.sim.account import Rules, check_account, settle
from adyton.sim.campaign import Figures, Plan, play, results
from adyton.sim.contracts import CONSUMER
from adyton.sim.episodes import ALL, FAULTS, USUAL, named
from adyton.sim.http import ok
from adyton.sim.loop import run
from adyton.sim.story import Story
from adyton.sim.world import PRICE_JOB, PRICE_URL, World

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "240"))
"""Stories with every fault; of the others somewhat fewer. ``SIMULATION_SEEDS`` in the environment asks for more."""
JOBS = min(2, os.cpu_count() or 1)
REGRESSIONS = [
    line for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines() if line and not line.startswith("#")
]


def campaign(plan: Plan, seeds: range) -> Figures:
    figures = Figures()
    for result in results(plan, seeds, jobs=JOBS):
        figures.add(result)
    assert [f"{plan.replay(each.seed)}  # {each.failure}" for each in figures.failures] == []
    assert figures.seeds == len(seeds)
    return figures


@pytest.mark.timeout(60 + SEEDS)
def test_whatever_goes_wrong_each_request_comes_to_one_end() -> None:
    figures = campaign(Plan(), range(1, SEEDS + 1))
    assert figures.counts["crashes"]
    assert figures.counts["answered"] > 2.5 * SEEDS


@pytest.mark.timeout(60 + SEEDS)
def test_the_chain_may_be_replaced_below_what_is_confirmed() -> None:
    figures = campaign(Plan(faults=USUAL, depth=20), range(1, SEEDS // 3 + 1))
    assert figures.counts["answered"] == figures.requests


@pytest.mark.timeout(60 + SEEDS)
def test_above_what_is_confirmed_no_transaction_is_wasted() -> None:
    figures = campaign(Plan(faults=USUAL, depth=2), range(1, SEEDS // 3 + 1))
    assert figures.counts["answered"] == figures.requests
    assert figures.counts["reverted transactions"] == 0


@pytest.mark.timeout(60 + SEEDS)
def test_a_crowd_of_requests_comes_through_as_well() -> None:
    campaign(Plan(requests=25, depth=8), range(1, max(2, SEEDS // 30)))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_strikes_and_changes_nothing(fault: str) -> None:
    # Some need a delay: requesters cancel what is late, and only who is far behind asks for many blocks.
    late = fault in {"cancellation", "range-limits"}
    plan = Plan(faults=frozenset({fault, "long-stop"} if late else {fault}))
    figures = Figures()
    for seed in range(1, 11 if late else 6):
        figures.add(play(plan, seed)[0])
    assert [f"{plan.replay(each.seed)}  # {each.failure}" for each in figures.failures] == []
    assert figures.injected > figures.counts.get("long stops", 0) + figures.counts["crashes"] or fault in {"crash", "long-stop"}
    assert figures.injected


@pytest.mark.parametrize("line", REGRESSIONS)
def test_what_failed_once_does_not_again(line: str) -> None:
    outcome = CliRunner().invoke(main, ["sim", *line.split()])
    assert outcome.exit_code == 0, outcome.output


# --- the judge -------------------------------------------------------------------------------------------------------


def test_a_wrong_answer_fails_a_story() -> None:
    async def play_wrong() -> None:
        async with World(1) as world:
            job = await world.create_job(PRICE_JOB)
            world.http.route(PRICE_URL, ok('{"USD": 1}'))
            request = world.chain.request(job.id, {})
            await world.until_completed(request)
            check_account(world, [request])

    with pytest.raises(AssertionError, match="wrong: request 0x"):
        run(play_wrong())


def test_a_request_that_nobody_hears_is_lost() -> None:
    async def ask_in_vain() -> None:
        async with World(1) as world:
            request = world.chain.request("0" * 32, {})
            await settle(world, [request], Rules(refusals=True))

    with pytest.raises(AssertionError, match="is open, and its run is none"):
        run(ask_in_vain())


def test_an_answer_that_is_taken_back_is_noticed() -> None:
    async def take_back() -> None:
        async with World(1) as world:
            job = await world.create_job(PRICE_JOB)
            request = world.chain.request(job.id, {})
            await world.until_completed(request)
            (answer,) = world.chain.answers(request)
            await world.kill("nobody is there to send it again")
            block = world.chain.block_of(answer.transaction_hash)
            assert block is not None
            world.chain.reorganise(world.chain.head.number - block.number + 1, lost=[answer.transaction_hash])
            check_account(world, [request])

    with pytest.raises(AssertionError, match="lost: request 0x"):
        run(take_back())


def test_a_refusal_counts_only_for_what_a_source_said() -> None:
    async def refuse() -> World:
        async with World(1) as world:
            job = await world.create_job(PRICE_JOB)
            world.http.route(PRICE_URL, ok("{}"))
            request = world.chain.request(job.id, {}, requester=CONSUMER)
            await settle(world, [request], Rules(refusals=True))
            check_account(world, [request], Rules(refusals=True))
            with pytest.raises(AssertionError, match="lost"):
                check_account(world, [request])
        return world

    assert run(refuse()).chain.state.answers == {}


# --- campaigns and the command ---------------------------------------------------------------------------------------


def test_a_seed_is_the_same_story_in_another_process() -> None:
    plan = Plan()
    here = {seed: play(plan, seed)[0].digest for seed in range(1, 8)}
    assert {each.seed: each.digest for each in results(plan, range(1, 8), jobs=2)} == here
    assert len(set(here.values())) == len(here)


def test_which_faults_may_strike_changes_the_story_and_nothing_else_does() -> None:
    assert play(Plan(), 3)[0].digest == play(Plan(), "3")[0].digest
    assert play(Plan(faults=named(["frozen"])), 3)[0].digest != play(Plan(faults=named(["offline"])), 3)[0].digest


def test_what_ends_the_node_by_itself_fails_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_off(self: Story) -> World:
        raise ExceptionGroup("all", [RuntimeError("the node broke\nat a line")])

    monkeypatch.setattr(Story, "play", break_off)
    result, _ = play(Plan(), 1)
    assert result.failure == "RuntimeError: the node broke"
    figures = Figures()
    figures.add(result)
    assert (figures.seeds, len(figures.failures), figures.losses) == (1, 1, 0)


def test_the_command_plays_one_seed_and_prints_its_trace() -> None:
    played = CliRunner().invoke(main, ["sim", "--seed", "5", "--faults", "crash,frozen", "--depth", "3", "--trace"])
    result, lines = play(Plan(faults=named(["crash", "frozen"]), depth=3), "5")
    assert played.exit_code == 0
    assert played.stdout == "\n".join(lines) + "\n"
    assert f"trace {result.digest}" in played.stderr


def test_the_command_runs_a_campaign_and_prints_figures() -> None:
    played = CliRunner().invoke(main, ["sim", "--seeds", "1-3", "--faults", "none"])
    assert played.exit_code == 0
    figures = dict(line.rsplit(maxsplit=1) for line in played.stdout.splitlines())
    assert (figures["seeds"], figures["requests"], figures["answered"], figures["losses"]) == ("3", "9", "9", "0")
    told = json.loads(CliRunner().invoke(main, ["--json", "sim", "--seeds", "1-3", "--faults", "none"]).stdout)
    assert (told["seeds"], told["requests"], told["counts"]["answered"], told["failing"]) == (3, 9, 9, [])


def test_a_failing_seed_fails_the_command_which_says_how_to_play_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(world: World, requests: object, rules: object) -> None:
        world.fail("lost: everything")

    monkeypatch.setattr("adyton.sim.story.settle", never)
    played = CliRunner().invoke(main, ["sim", "--seeds", "8-9", "--faults", "crash", "--depth", "2"])
    assert played.exit_code == 1
    assert "adyton sim --seed 8 --faults crash --depth 2 --requests 3    # lost: everything" in played.stderr
    assert "losses                                       2" in played.stdout
    played = CliRunner().invoke(main, ["sim", "--seed", "8", "--faults", "none"])
    assert (played.exit_code, "seed 8: lost: everything" in played.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["--seed", "1", "--faults", "frozen,bogus"], "unknown fault 'bogus'; there are: crash"),
        (["--seeds", "9-1"], "is not a range of seeds; write 1-300"),
        (["--seeds", "x"], "is not a range of seeds; write 1-300"),
        (["--seeds", "1-2", "--for", "soon"], "is not a duration"),
        ([], "give either --seed"),
        (["--seed", "1", "--seeds", "1-2"], "give either --seed"),
        (["--seeds", "1-2", "--trace"], "give either --seed"),
        (["--seed", "1", "--depth", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_wish_is_told_the_cure(words: list[str], cure: str) -> None:
    told = CliRunner().invoke(main, ["sim", *words])
    assert told.exit_code == 2
    assert cure in told.stderr


def test_every_fault_is_listed_and_documented() -> None:
    listed = CliRunner().invoke(main, ["sim", "--list"]).stdout
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()
    for name in ALL:
        assert f"\n{name} " in f"\n{listed}"
        assert f"| `{name}` |" in page


def test_a_campaign_ends_when_its_time_is_up() -> None:
    played = CliRunner().invoke(main, ["sim", "--seeds", "1-", "--for", "0s", "--faults", "none"])
    assert played.exit_code == 0
    assert played.stdout.splitlines()[0].split() == ["seeds", "0"]
