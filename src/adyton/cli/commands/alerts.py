"""Alerts: what is wrong, by which rules, and who is told."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, YES
from adyton.cli.tree import Entry, Group, Needed

_SEVERITY = click.Option(
    ["--severity"], type=click.Choice(("warning", "critical")), help="The least that is told there; else every alert."
)
_NAME = Needed("name", "NAME", "Must pass the name of the destination")
_NEW = Needed("name", "NAME", "Must pass a name for the destination")
_URL = Needed("url", "URL", "Must pass the URL, or - to be asked for it")
_RULE = Needed("name", "RULE", "Must pass the name of the rule")

COMMANDS = (
    Entry(
        "alerts list",
        "alerts:list_alerts",
        "List alerts, the newest first, with what to do about each.",
        (*PAGES, click.Option(["--status"], type=click.Choice(("pending", "raised", "cleared")), help="Only such.")),
        examples=("adyton alerts", "adyton alerts list --status raised"),
    ),
    Entry(
        "alerts rules list",
        "alerts:list_rules",
        "List the rules with their thresholds.",
        examples=("adyton alerts rules",),
    ),
    Entry(
        "alerts rules change",
        "alerts:change_rule",
        "Change a rule: what counts as wrong, and for how long.",
        (
            _RULE,
            click.Option(["--threshold"], metavar="NUMBER", help="What counts as wrong, in the rule's unit."),
            click.Option(["--hold"], type=int, metavar="SECONDS", help="How long it must be wrong to be raised."),
            click.Option(["--clear"], type=int, metavar="SECONDS", help="How long it must be well to be cleared."),
            click.Option(["--on"], is_flag=True, help="Look at it."),
            click.Option(["--off"], is_flag=True, help="Do not look at it."),
            click.Option(["--default"], is_flag=True, help="As the program has it."),
        ),
        examples=("adyton alerts rules change head --threshold 600", "adyton alerts rules change explorer --off"),
    ),
    Entry(
        "alerts destinations list",
        "alerts:list_destinations",
        "List where alerts are told, and whether it goes well.",
        examples=("adyton alerts destinations",),
    ),
    Entry(
        "alerts destinations webhook",
        "alerts:add_webhook",
        "Tell alerts to a URL, as JSON.\n\nWith - you are asked for the URL: what stands in the line is seen by others on the "
        "machine.",
        (
            _NEW,
            _URL,
            _SEVERITY,
            click.Option(
                ["--secret", "secret_file"], metavar="FILE", help="File with a secret by which each message is signed."
            ),
        ),
        examples=("adyton alerts destinations webhook 'on call' https://alerts.example/in --secret ~/alert-secret",),
    ),
    Entry(
        "alerts destinations slack",
        "alerts:add_slack",
        "Tell alerts to a channel, by an incoming webhook in the form of Slack.\n\nIts URL is a secret: with - you are asked "
        "for it.",
        (_NEW, _URL, _SEVERITY),
        examples=("adyton alerts destinations slack channel -",),
    ),
    Entry(
        "alerts destinations email",
        "alerts:add_email",
        "Tell alerts to people by e-mail.",
        (
            _NEW,
            click.Option(["--to"], metavar="ADDRESS", multiple=True, required=True, help="Whom; several times for several."),
            click.Option(["--from", "sender"], metavar="ADDRESS", required=True, help="From whom."),
            click.Option(["--host"], metavar="HOST", required=True, help="The mail server."),
            click.Option(["--port"], type=int, metavar="PORT", help="Its port; else the usual one."),
            click.Option(
                ["--security"], type=click.Choice(("starttls", "tls", "none")), help="How the line is protected; else starttls."
            ),
            click.Option(["--user"], metavar="NAME", help="Who logs in; else nobody."),
            click.Option(["-p", "--password"], metavar="FILE", help="File with the user's password; else you are asked."),
            _SEVERITY,
        ),
        examples=("adyton alerts destinations email mail --to you@example.com --from node@example.com --host smtp.example",),
    ),
    Entry(
        "alerts destinations on",
        "alerts:switch_on",
        "Tell a destination again.",
        (_NAME,),
        examples=("adyton alerts destinations on 'on call'",),
    ),
    Entry(
        "alerts destinations off",
        "alerts:switch_off",
        "Tell a destination nothing until it is switched on; what waits for it is given up.",
        (_NAME,),
        examples=("adyton alerts destinations off 'on call'",),
    ),
    Entry(
        "alerts destinations test",
        "alerts:test",
        "Send a destination a test message now; fails when it is not taken.",
        (_NAME,),
        examples=("adyton alerts destinations test 'on call'",),
    ),
    Entry(
        "alerts destinations delete",
        "alerts:delete",
        "Delete a destination, and what waits for it.",
        (_NAME, YES),
        json=False,
        examples=("adyton alerts destinations delete 'on call' --yes",),
    ),
    Entry(
        "alerts deliveries",
        "alerts:list_deliveries",
        "List what was told, or waits, the newest first.",
        (
            *PAGES,
            click.Option(["--destination"], metavar="NAME", help="Only to that destination."),
            click.Option(["--state"], type=click.Choice(("waiting", "sent", "failed")), help="Only such."),
        ),
        examples=("adyton alerts deliveries --state failed",),
    ),
)
GROUPS = {
    "alerts": Group("alerts", help="What is wrong, by which rules, and who is told.", default="list"),
    "alerts rules": Group("rules", help="What counts as wrong, and for how long.", default="list"),
    "alerts destinations": Group("destinations", help="Where alerts are told.", default="list"),
}
