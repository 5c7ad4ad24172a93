"""The composition root: builds a node's parts and runs them. The only place that knows every concrete class.

Everything a part needs is handed to it here; nothing looks anything up. The world (clock, chance, the chain's wire, HTTP, the
database, the keys) comes in as arguments, so the simulation builds the same node on a seeded world.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial

import structlog

from adyton import node_rules
from adyton.adapters.registry import Registry
from adyton.config import Config
from adyton.domain.chain import ZERO_ADDRESS, Address
from adyton.domain.errors import Invalid, StorageUnavailable
from adyton.domain.requests import RUN_LOG
from adyton.domain.schedule import named_zone
from adyton.engine.create import RunMaker, RunRules
from adyton.engine.deadlines import Deadlines
from adyton.engine.engine import Engine
from adyton.engine.execute import Executor
from adyton.engine.jobs import JobRegistry
from adyton.engine.news import NO_NEWS, ExplorerNews
from adyton.ethereum.client import Chain
from adyton.ethereum.head_tracker import HeadTracker
from adyton.ethereum.holdings import HoldingsReader
from adyton.ethereum.lookup import TransactionLookup
from adyton.ethereum.rpc import RpcClient
from adyton.initiators.logs import LogIntake
from adyton.initiators.open_requests import TriedAnswers
from adyton.initiators.scheduler import Policies, Scheduler
from adyton.initiators.source import ChainLogs
from adyton.keystore import Keystore
from adyton.metrics import Metrics
from adyton.ports import (
    NO_DISK,
    NO_MAIL,
    NO_PUSH,
    NO_SECRETS,
    NO_WORKERS,
    Clock,
    Disk,
    Entropy,
    HttpTransport,
    LogLevels,
    LoneLevel,
    MailTransport,
    PushTransport,
    RpcTransport,
    Secrets,
    Workers,
)
from adyton.services.alerting import Alerting
from adyton.services.audit import AuditLog
from adyton.services.balances import BalanceMonitor, Minimums, Watched
from adyton.services.explorer import ExplorerPusher
from adyton.services.known_tokens import Tokens
from adyton.services.live_reader import LiveReader
from adyton.services.notifier import Notifier
from adyton.services.parts import Parts
from adyton.services.reconciler import Reconciler
from adyton.services.retention import Retention
from adyton.services.sessions import Sessions
from adyton.services.statistician import Statistician
from adyton.services.throttle import Throttle
from adyton.storage import facts, keys
from adyton.storage.bridges import Bridges
from adyton.storage.database import Database
from adyton.storage.lists import Lists
from adyton.storage.spoken import SpokenDatabase
from adyton.transactions.estimators import EstimatorRules
from adyton.transactions.manager import TransactionManager
from adyton.transactions.reaper import ReaperRules

log = structlog.get_logger(__name__)

CHAIN_ID = "chain id"
"""The fact that says which chain a database belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A built node. ``run`` works until it is cancelled; cancelling is the only stop, and a stop at any moment is a crash that
    was announced: what is durable is taken up at the next start."""

    config: Config
    db: Database
    clock: Clock
    metrics: Metrics
    rpc: RpcClient
    heads: HeadTracker
    transactions: TransactionManager
    engine: Engine
    intake: LogIntake
    scheduler: Scheduler
    services: Parts
    reconciler: Reconciler
    retention: Retention
    notifier: Notifier
    balances: BalanceMonitor
    live: LiveReader
    explorer: ExplorerPusher
    alerting: Alerting
    statistician: Statistician

    async def run(self) -> None:
        """Run every long-lived part."""
        async with asyncio.TaskGroup() as parts:
            # First, so that runs interrupted by the last stop are queued before a new head or log moves any.
            parts.create_task(self.engine.run(), name="engine")
            # Before heads arrive, so that bytes which may have been sent are sent again before new ones are signed.
            parts.create_task(self.transactions.run(), name="transactions")
            parts.create_task(self.intake.run(), name="log intake")
            parts.create_task(self.scheduler.run(), name="scheduler")
            parts.create_task(self.reconciler.run(), name="reconciler")
            parts.create_task(self.retention.run(), name="retention")
            parts.create_task(self.services.audit.run(), name="audit log")
            parts.create_task(self.notifier.run(), name="notifier")
            parts.create_task(self.balances.run(), name="balances")
            parts.create_task(self.live.run(), name="live updates")
            parts.create_task(self.explorer.run(), name="explorer")
            parts.create_task(self.alerting.run(), name="alerts")
            parts.create_task(self.statistician.run(), name="statistics")
            parts.create_task(self._pin_chain(), name="chain id")
            # Last: the first head wakes everybody above.
            parts.create_task(self.heads.run(), name="heads")
            parts.create_task(self.rpc.run(), name="rpc")

    async def _pin_chain(self) -> None:
        """Remember which chain this database belongs to, once one is known. A crash before the write changes nothing: the next
        connection says it again."""
        async for state in self.heads.updates():
            while state.connected and self.rpc.chain_id is not None:
                try:
                    await self.db.write(facts.put(CHAIN_ID, str(self.rpc.chain_id)))
                except StorageUnavailable:
                    await self.clock.sleep(1)
                else:
                    return


async def build(
    config: Config,
    *,
    clock: Clock,
    entropy: Entropy,
    rpc_transport: RpcTransport,
    http_transport: HttpTransport,
    database: Database,
    keystore: Keystore,
    secrets: Secrets = NO_SECRETS,
    workers: Workers = NO_WORKERS,
    push_transport: PushTransport = NO_PUSH,
    mail_transport: MailTransport = NO_MAIL,
    disk: Disk = NO_DISK,
    machine_zone: tzinfo = UTC,
    levels: LogLevels | None = None,
) -> Node:
    """Build a node from its settings and the world. Raises Invalid when the database belongs to another chain.

    Nothing is started, and nothing is written but the rows of keys that are new.
    """
    database = spoken = SpokenDatabase(database, speaks=config.log_sql)
    chain_id = await _expected_chain(config, database)
    await keys.ensure(database, keystore.addresses(), clock.now())
    for address in await keys.others(database, keystore.addresses()):
        log.warning("a key of this database is not in the keystore; what it was to send waits for it", address=address)
    jobs = JobRegistry(database)
    await jobs.load()
    bridges = Bridges()
    await bridges.load(database)

    finality = config.finality_depth(chain_id)
    metrics = Metrics()
    rpc = RpcClient(
        transport=rpc_transport,
        url=config.eth_url[0],
        standbys=config.eth_url[1:],
        send_only=config.eth_secondary_urls,
        clock=clock,
        entropy=entropy,
        expected_chain_id=chain_id,
        rules=node_rules.rpc_rules(config),
        metrics=metrics,
    )
    chain = Chain(rpc)
    heads = HeadTracker(
        rpc=rpc,
        chain=chain,
        db=database,
        clock=clock,
        metrics=metrics,
        finality_depth=finality,
        history=max(config.eth_head_tracker_history_depth, finality + 50),
    )
    transactions = TransactionManager(
        db=database,
        chain=chain,
        heads=heads,
        keystore=keystore,
        clock=clock,
        entropy=entropy,
        rules=await node_rules.gas_rules(config, database),
        min_confirmations=config.min_outgoing_confirmations,
        chain_id=lambda: rpc.chain_id,
        finality_depth=finality,
        metrics=metrics,
        estimator=EstimatorRules(
            config.gas_estimator_mode,
            config.block_history_estimator_block_history_size,
            config.block_history_estimator_transaction_percentile,
        ),
        simulate=config.simulate_transactions,
        resend_after=config.eth_tx_resend_after_threshold,
        reaper=ReaperRules(config.eth_tx_reaper_interval, config.eth_tx_reaper_threshold),
    )
    registry = Registry(
        http=http_transport,
        clock=clock,
        settings=node_rules.adapter_settings(config, keystore),
        bridges=bridges,
        secrets=secrets,
        workers=workers,
    )

    news = ExplorerNews(jobs) if config.explorer_url else NO_NEWS
    deadlines = Deadlines(bridge=config.bridge_answer_deadline, pending=config.run_pending_deadline)
    maker = RunMaker(
        types=registry,
        rules=RunRules(minimum_contract_payment=config.minimum_contract_payment, deadlines=deadlines),
        new_id=entropy.new_id,
        now=clock.now,
    )
    executor = Executor(
        db=database,
        clock=clock,
        adapters=registry,
        chain=heads,
        outbox=transactions,
        finality_depth=finality,
        metrics=metrics,
        taken_in=lambda: intake.taken_in,
        requester_wins=config.requester_may_override_job,
        deadlines=deadlines,
        data_limit=config.run_data_limit,
        news=news,
    )
    engine = Engine(
        db=database,
        clock=clock,
        jobs=jobs,
        maker=maker,
        executor=executor,
        heads=heads,
        settlements=transactions,
        metrics=metrics,
        mirrors=(jobs.refresh, partial(bridges.load, database)),
        news=news,
    )
    open_requests = TriedAnswers(chain=chain, keys=keystore.addresses)
    intake = LogIntake(
        db=database,
        clock=clock,
        chain=ChainLogs(chain, rpc),
        heads=heads,
        jobs=jobs,
        maker=maker,
        engine=engine,
        open_requests=open_requests,
        metrics=metrics,
        finality_depth=finality,
        margin=config.block_backfill_depth,
        longest_range=config.eth_log_backfill_batch_size,
        look_back=config.log_reread_interval,
        own=() if config.oracle_contract_address is None else (config.oracle_contract_address,),
    )
    balances = BalanceMonitor(
        reader=HoldingsReader(rpc),
        heads=heads,
        costs=transactions.foresight,
        clock=clock,
        metrics=metrics,
        watched=Watched(
            keys=keystore.addresses,
            contracts=lambda: _contracts(config, jobs),
            token=lambda: _link_token(config, rpc),
        ),
        minimums=Minimums(config.eth_balance_minimum_wei, config.link_balance_minimum_juels),
        enabled=config.balance_monitor_enabled,
    )
    zone = named_zone(config.cron_time_zone or None, machine_zone)
    scheduler = Scheduler(
        db=database,
        clock=clock,
        jobs=jobs,
        maker=maker,
        engine=engine,
        metrics=metrics,
        zone=zone,
        policies=Policies(missed=config.cron_missed_fires, overlap=config.cron_overlap),
    )
    services = Parts(
        config=config,
        metrics=metrics,
        clock=clock,
        entropy=entropy,
        db=database,
        lists=Lists(database),
        jobs=jobs,
        bridges=bridges,
        engine=engine,
        task_types=registry,
        balances=chain,
        chain=heads,
        outgoing=transactions,
        holdings=balances.view,
        lookup=TransactionLookup(chain, rpc),
        maker=maker,
        open_requests=open_requests,
        finality_depth=finality,
        keys=keystore,
        intake=intake,
        sessions=Sessions(
            db=database,
            clock=clock,
            entropy=entropy,
            timeout=config.session_timeout,
            lifetime=config.session_lifetime,
            reap_after=config.reaper_expiration,
        ),
        tokens=Tokens(db=database, clock=clock),
        throttle=Throttle(clock, limit=config.login_failure_limit, period=config.login_failure_period),
        audit=AuditLog(db=database, clock=clock),
        http=http_transport,
        link_contract=lambda: _link_token(config, rpc),
        endpoints=rpc.endpoints,
        chain_id=lambda: rpc.chain_id,
        levels=levels or LoneLevel(config.log_level),
        sql_log=spoken,
        mail=mail_transport,
        disk=disk,
        zone=zone,
    )
    return Node(
        config=config,
        db=database,
        clock=clock,
        metrics=metrics,
        rpc=rpc,
        heads=heads,
        transactions=transactions,
        engine=engine,
        intake=intake,
        scheduler=scheduler,
        services=services,
        reconciler=Reconciler(parts=services, heads=heads),
        retention=Retention(services),
        notifier=Notifier(services),
        balances=balances,
        live=LiveReader(services),
        explorer=ExplorerPusher(services, push_transport),
        alerting=Alerting(services),
        statistician=Statistician(services),
    )


async def _expected_chain(config: Config, db: Database) -> int | None:
    """The chain that this node must be on: the configured one, which a database that knows its chain must agree with."""
    pinned = await facts.get(db, CHAIN_ID)
    if pinned is None:
        return config.eth_chain_id
    if config.eth_chain_id is not None and config.eth_chain_id != int(pinned):
        raise Invalid(
            f"ETH_CHAIN_ID = {config.eth_chain_id}: this database belongs to chain {pinned}; "
            f"set ETH_CHAIN_ID={pinned}, or use another DATABASE_URL or ROOT for chain {config.eth_chain_id}",
            code="ADY-0609",
        )
    return int(pinned)


def _link_token(config: Config, rpc: RpcClient) -> Address | None:
    """The LINK token: asked each time, because a node without ETH_CHAIN_ID learns its chain from the first connection."""
    return config.link_contract_address if rpc.chain_id is None else config.link_address(rpc.chain_id)


def _contracts(config: Config, jobs: JobRegistry) -> list[Address]:
    """The oracle contracts: the configured one, else those that jobs listen to."""
    if config.oracle_contract_address is not None:
        return [config.oracle_contract_address]
    named = {initiator.address for job in jobs.jobs.values() for initiator in job.initiators if initiator.type == RUN_LOG}
    return sorted(named - {ZERO_ADDRESS})
