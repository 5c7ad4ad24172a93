"""What is worth waking somebody for: each rule with what it looks at, when it counts, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adyton.domain import alert_looks as looks
from adyton.domain.alert_looks import Look

LONGEST_DETAIL = 2000
"""Characters of what was found that are kept."""
LONGEST_HOLD = 24 * 3600
"""Seconds that a rule may wait."""


class Severity(StrEnum):
    """How soon somebody must look: before the night is over, or now."""

    WARNING = "warning"
    CRITICAL = "critical"


class Unit(StrEnum):
    """What a threshold counts."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    PERCENT = "percent"
    REQUESTS = "requests"
    ETH = "ETH"
    MEGABYTES = "megabytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as the program has it. ``hold`` and ``clear`` are the seconds for which something must be wrong, or well, before
    it is told. ``threshold`` None with a ``unit``: the node's own measure, which ``measure`` names."""

    name: str
    title: str
    watches: str
    to_do: str
    severity: Severity
    code: str
    look: Look
    hold: int = 60
    clear: int = 60
    unit: Unit | None = None
    threshold: Decimal | None = None
    measure: str = ""
    enabled: bool = True


# --- the table -------------------------------------------------------------------------------------------------------

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING

RULES: tuple[Rule, ...] = (
    Rule(
        name="requests_unaccounted",
        title="Requests are unaccounted for",
        watches="requests on chain that have neither an answer nor a reason why not",
        to_do="See them with `adyton requests list --unaccounted`, run one again with `adyton requests run ID`.",
        severity=_CRITICAL,
        code="ADY-0636",
        look=looks.unaccounted,
        unit=Unit.REQUESTS,
        threshold=Decimal(0),
    ),
    Rule(
        name="chain",
        title="No connection to an Ethereum node",
        watches="the check `chain`: no request is seen and no answer sent while it fails",
        to_do="See with `adyton health` what each endpoint says. Start the Ethereum node again, or add another to ETH_URL.",
        severity=_CRITICAL,
        code="ADY-0630",
        look=looks.check("chain"),
    ),
    Rule(
        name="head",
        title="No new block",
        watches="the age of the newest block",
        to_do="Compare with a block explorer: if the chain goes on, the Ethereum node lags or stands still. Restart it, or put "
        "another first in ETH_URL.",
        severity=_CRITICAL,
        code="ADY-0632",
        look=looks.head,
        hold=30,
        unit=Unit.SECONDS,
        measure="NODE_NO_NEW_HEADS_THRESHOLD",
    ),
    Rule(
        name="logs",
        title="Blocks are not read",
        watches="the check `logs`: how far log intake is behind the newest block",
        to_do="The node's log says why blocks cannot be read. Another endpoint helps if one refuses ranges of logs.",
        severity=_CRITICAL,
        code="ADY-0633",
        look=looks.check("logs"),
        hold=300,
    ),
    Rule(
        name="alarm",
        title="An alarm is raised",
        watches="alarms: final blocks were taken off the chain, or the chain was replaced",
        to_do="See that the endpoints show the right chain, then run the command that the alarm names.",
        severity=_CRITICAL,
        code="ADY-0637",
        look=looks.alarms,
        hold=0,
        clear=0,
    ),
    Rule(
        name="transaction_stuck",
        title="A transaction is stuck",
        watches="the age of each key's first transaction that is not mined",
        to_do="`adyton txs doctor` says why and what it would cost to bump, cancel or resend it.",
        severity=_CRITICAL,
        code="ADY-0723",
        look=looks.stuck,
        unit=Unit.MINUTES,
        threshold=Decimal(10),
    ),
    Rule(
        name="transaction_waiting",
        title="A transaction waits",
        watches="transactions that say what they wait for: a lower price, money, a revert",
        to_do="`adyton txs doctor` says what it waits for: fund the key, or raise ETH_MAX_GAS_PRICE_WEI.",
        severity=_WARNING,
        code="ADY-0723",
        look=looks.waiting,
        hold=600,
    ),
    Rule(
        name="balance",
        title="A balance is low",
        watches="what each key and each oracle contract holds",
        to_do="Send ETH to the key, or LINK to the contract. What cannot be paid for waits, and is sent when there is enough.",
        severity=_WARNING,
        code="ADY-0725",
        look=looks.balances,
        unit=Unit.ETH,
        measure="ETH_BALANCE_MINIMUM_WEI, or what ten answers cost",
    ),
    Rule(
        name="keys",
        title="There is no key",
        watches="the check `keys`: without one no answer can be signed",
        to_do="Make one with `adyton keys eth create`, and let the oracle contract know it.",
        severity=_CRITICAL,
        code="ADY-0724",
        look=looks.check("keys"),
    ),
    Rule(
        name="runs_failing",
        title="Many runs fail",
        watches=f"the share of failed runs within an hour, of {looks.LEAST_RUNS} or more",
        to_do="See `adyton runs list --status errored`: usually one source or bridge fails for all of them.",
        severity=_WARNING,
        code="ADY-1373",
        look=looks.failing,
        hold=0,
        clear=300,
        unit=Unit.PERCENT,
        threshold=Decimal(20),
    ),
    Rule(
        name="endpoint",
        title="An RPC endpoint is down",
        watches="each endpoint of ETH_URL and ETH_SECONDARY_URLS; the node works with the others",
        to_do="See what `adyton health` says of it, and start it again or take it out.",
        severity=_WARNING,
        code="ADY-0631",
        look=looks.endpoints,
        hold=600,
    ),
    Rule(
        name="database",
        title="The database does not work",
        watches="the check `database`: a write and a read within two seconds",
        to_do="Make room on its disk, or start its server again. Until then the node takes up nothing new, and loses nothing.",
        severity=_CRITICAL,
        code="ADY-0917",
        look=looks.check("database"),
        hold=30,
    ),
    Rule(
        name="disk",
        title="The disk is nearly full",
        watches="room on the disk of ROOT",
        to_do="Make room, or have old runs deleted sooner: RUN_HISTORY_RETENTION. With a full disk the node takes nothing up.",
        severity=_WARNING,
        code="ADY-1374",
        look=looks.disk,
        unit=Unit.MEGABYTES,
        threshold=Decimal(1000),
    ),
    Rule(
        name="queue",
        title="Runs pile up",
        watches="whether more runs are due than the node keeps in its queue",
        to_do="None is lost. See which job has so many, and whether its source has become slow.",
        severity=_WARNING,
        code="ADY-1375",
        look=looks.overflowed,
        hold=600,
    ),
    Rule(
        name="certificate",
        title="The certificate of the API ends soon",
        watches="the check `certificate`: days until it ends",
        to_do="Put a new one in its place: it is taken without a restart.",
        severity=_WARNING,
        code="ADY-1011",
        look=looks.check("certificate"),
    ),
    Rule(
        name="explorer",
        title="The explorer is not told",
        watches="the check `explorer`: messages that it has not taken for a quarter of an hour",
        to_do="See what the check says: usually EXPLORER_URL or its secret is wrong. Nothing is lost.",
        severity=_WARNING,
        code="ADY-1204",
        look=looks.check("explorer"),
    ),
)
BY_NAME: Mapping[str, Rule] = {rule.name: rule for rule in RULES}
