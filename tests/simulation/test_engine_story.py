"""Stories in which everything that starts runs, and everything that runs wait for, comes together: each happens once."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from adyton.cli.main import main
from adyton.sim import engine_account
from adyton.sim.account import Rules
from adyton.sim.bridges import Manner
from adyton.sim.campaign import Figures, Plan, play, results
from adyton.sim.engine_story import EngineStory
from adyton.sim.episodes import USUAL, named
from adyton.sim.loop import run
from adyton.sim.world import NoAnswer, World
from adyton.storage.database import Statement

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "240")) // 4
JOBS = min(2, os.cpu_count() or 1)


def campaign(plan: Plan, seeds: range) -> Figures:
    figures = Figures()
    for result in results(plan, seeds, jobs=JOBS):
        figures.add(result)
    assert [f"{plan.replay(each.seed)}  # {each.failure}" for each in figures.failures] == []
    return figures


@pytest.mark.timeout(60 + 4 * SEEDS)
def test_whatever_goes_wrong_everything_is_started_once_and_ends() -> None:
    figures = campaign(Plan(engine=True), range(1, SEEDS + 1))
    assert figures.counts["crashes"]
    assert {f"bridge: {manner}" for manner in Manner} <= figures.counts.keys()


@pytest.mark.timeout(60 + 4 * SEEDS)
def test_crashes_and_reorganisations_alone() -> None:
    campaign(Plan(engine=True, faults=USUAL, depth=2), range(1, SEEDS // 2))


def test_without_faults_every_bridge_is_taken_at_its_word() -> None:
    figures = campaign(Plan(engine=True, faults=frozenset()), range(1, 6))
    assert figures.counts["reverted transactions"] == 0


def test_a_seed_is_the_same_story_in_another_process() -> None:
    plan = Plan(engine=True)
    here = {seed: play(plan, seed)[0].digest for seed in range(1, 4)}
    assert {each.seed: each.digest for each in results(plan, range(1, 4), jobs=2)} == here


def test_the_command_that_plays_a_seed_again_names_the_kind_of_story() -> None:
    plan = Plan(engine=True, faults=named(["crash"]))
    assert plan.replay(3).endswith("--requests 3 --engine")
    played = CliRunner().invoke(main, plan.replay(3).split()[1:])
    assert played.exit_code == 0, played.output
    assert f"trace {play(plan, '3')[0].digest}" in played.output


# --- the judge -------------------------------------------------------------------------------------------------------


SPOIL: dict[str, tuple[str, str]] = {
    "a second run at a time": ("UPDATE runs SET initiator_id = {other} WHERE id = {run}", "once: job"),
    "a schedule's run that is not there": ("DELETE FROM runs WHERE id = {tick}", "schedule: ticker"),
    "a sleeper that woke too early": ("UPDATE runs SET finished_at = 1 WHERE id = {nap}", "sleep: run"),
    "a client's run that is not there": ("DELETE FROM runs WHERE id = {nap}", "client: there are 0 runs"),
    "a log's run that is not there": ("DELETE FROM runs WHERE id = {watched}", "log: 0 runs"),
    "a wait that nobody ends": ("UPDATE runs SET due_at = 7 WHERE id = {nap}", "stuck: run"),
}


@pytest.mark.parametrize("what", SPOIL)
def test_what_is_wrong_in_the_end_is_found(what: str) -> None:
    sql, words = SPOIL[what]

    async def spoil() -> None:
        story = EngineStory(4, faults=frozenset())
        judged = engine_account.check

        async def spoilt(world: World, works: engine_account.Works, requests: list[str], rules: Rules) -> None:
            await judged(world, works, requests, rules)
            chosen = await choose(world, works)
            await world.database.write(Statement(sql.format_map(chosen), [()]))
            await judged(world, works, requests, rules)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(engine_account, "check", spoilt)
            await story.play()

    with pytest.raises(AssertionError, match=words):
        run(spoil())


async def choose(world: World, works: engine_account.Works) -> dict[str, str]:
    """Rows to spoil, as SQL literals."""

    async def first(job_id: str) -> str:
        [(found,)] = await world.rows("SELECT MIN(id) FROM runs WHERE job_id = ? AND status = 'completed'", job_id)
        return f"'{found!s}'"

    once = await world.rows(
        "SELECT initiators.id, runs.id FROM initiators JOIN runs ON initiator_id = initiators.id "
        "WHERE type = 'runat' ORDER BY initiators.id"
    )
    return {
        "tick": await first(works.jobs["ticker"].id),
        "nap": await first(works.jobs["nap"].id),
        "watched": await first(works.jobs["watcher"].id),
        "run": f"'{once[0][1]!s}'",
        "other": str(once[1][0]),
    }


def test_a_client_of_a_dead_node_gets_no_answer() -> None:
    async def ask() -> None:
        async with World(1) as world:
            await world.kill("nobody is there")
            with pytest.raises(NoAnswer):
                await world.ask(lambda node: node.db.read("SELECT 1"))

    run(ask())


def test_a_wait_without_an_end_is_found() -> None:
    async def look() -> None:
        async with World(1) as world:
            engine_account.check_waits([("1", "pending_bridge", 5, False)], world)
            engine_account.check_waits([("1", "pending_confirmations", None, True)], world)
            with pytest.raises(AssertionError, match="stuck: run 1 is pending_sleep"):
                engine_account.check_waits([("1", "pending_sleep", None, False)], world)

    run(look())
