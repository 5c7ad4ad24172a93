"""A job as an operator writes it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.errors import Fault, Invalid
from adyton.domain.job_requests import read_job
from adyton.domain.jobs import Job
from adyton.domain.runs import Data

NOW = 1_561_644_191_000_000
ORACLE = "0x356a04bCe728ba4c62A30294A55E6A8600a320B3"


def check(kind: str, params: Data) -> None:
    """Knows two task types; one of them wants a param."""
    if kind not in {"noop", "httpget"}:
        raise Invalid(f"{kind} is not a supported adapter type")
    if kind == "httpget" and "get" not in params:
        raise Invalid("get: missing")


def read(text: str | bytes | dict[str, Any]) -> Job:
    body = json.dumps(text).encode() if isinstance(text, dict) else text.encode() if isinstance(text, str) else text
    return read_job(body, job_id="a" * 32, now=NOW, check=check)


def job(**parts: Any) -> dict[str, Any]:
    return {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}], **parts}


def faults(text: str | bytes | dict[str, Any]) -> list[Fault]:
    with pytest.raises(Invalid) as refused:
        read(text)
    return list(refused.value.faults)


def details(text: str | bytes | dict[str, Any]) -> list[str]:
    return [fault.detail for fault in faults(text)]


def test_a_whole_job_is_read() -> None:
    found = read(
        {
            "initiators": [{"type": "runlog", "params": {"address": ORACLE, "requesters": [ORACLE]}}, {"type": "web"}],
            "tasks": [{"type": "httpget", "confirmations": 2, "params": {"get": "https://example.com"}}, {"type": "noop"}],
            "startAt": "2019-06-27T16:00:00+02:00",
            "endAt": None,
        }
    )

    runlog, web = found.initiators
    assert (found.id, found.created_at, found.start_at, found.end_at) == ("a" * 32, NOW, 1561644000_000_000, None)
    assert (runlog.type, runlog.address, runlog.requesters) == ("runlog", ORACLE.lower(), (ORACLE.lower(),))
    assert (web.type, web.address, web.requesters, web.created_at) == ("web", ZERO_ADDRESS, (), NOW)
    assert [(task.type, task.confirmations, task.params) for task in found.tasks] == [
        ("httpget", 2, {"get": "https://example.com"}),
        ("noop", None, {}),
    ]


def test_keys_and_types_match_in_any_case_and_unknown_keys_are_ignored() -> None:
    found = read('{"Initiators":[{"TYPE":"Web","x":1}],"TASKS":[{"Type":"NoOp","Params":{"Keep":1}}],"name":"n","_comment":[]}')

    assert (found.initiators[0].type, found.tasks[0].type, found.tasks[0].params) == ("web", "noop", {"Keep": 1})


def test_numbers_in_params_stay_exact() -> None:
    text = '{"initiators":[{"type":"web"}],"tasks":[{"type":"noop","params":{"n":123456789012345678901234567890,"d":1.10}}]}'

    params = read(text).tasks[0].params

    assert params["n"] == 123456789012345678901234567890
    assert str(params["d"]) == "1.10"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1", 1), ("0", 0), ('"7"', 7), ('""', None), ("null", None), ("4294967295", 4294967295), ('"0012"', 12)],
)
def test_confirmations_are_read_leniently(written: str, meant: int | None) -> None:
    found = read(f'{{"initiators":[{{"type":"web"}}],"tasks":[{{"type":"noop","confirmations":{written}}}]}}')
    assert found.tasks[0].confirmations == meant


@pytest.mark.parametrize(
    "written", ["-1", "1.5", "1.0", "4294967296", "true", '"-1"', '"+1"', '"x"', "[]", "{}", '"99999999999"']
)
def test_other_confirmations_are_refused_at_their_place(written: str) -> None:
    (fault,) = faults(f'{{"initiators":[{{"type":"web"}}],"tasks":[{{"type":"noop","confirmations":{written}}}]}}')
    assert fault.pointer == "/tasks/0/confirmations"
    assert fault.detail.startswith("tasks[0].confirmations must be a whole number from 0 to 4294967295, not ")
    assert "True" not in fault.detail


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("", "hex string has length 0, want 40 for common.Address"),
        ("0x12", "hex string has length 2, want 40 for common.Address"),
        (ORACLE[2:], "the 0x is missing"),
        ("0x" + "g" * 40, "not hex digits"),
        (None, "not null"),
        (5, "not a number"),
    ],
)
def test_what_is_no_address_is_refused(address: object, complaint: str) -> None:
    (fault,) = faults(job(initiators=[{"type": "runlog", "params": {"address": address}}]))
    assert fault.pointer == "/initiators/0/params/address"
    assert fault.detail.startswith("initiators[0].params.address must be 0x and 40 hex digits")
    assert complaint in fault.detail


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, None),
        ("2019-06-27T14:03:11Z", NOW),
        ({"Time": "2019-06-27T14:03:11Z", "Valid": True}, NOW),
        ({"Time": "2019-06-27T14:03:11Z", "Valid": False}, None),
        ({}, None),
    ],
)
def test_times_come_in_three_forms(written: object, meant: int | None) -> None:
    assert read(job(startAt=written)).start_at == meant


@pytest.mark.parametrize("written", ["", "2019-06-27", 1561644191, "soon", True, []])
def test_other_times_are_refused(written: object) -> None:
    (fault,) = faults(job(endAt=written))
    assert fault.pointer == "/endAt"


@pytest.mark.parametrize("params", [None, [1], "x", 5])
def test_params_must_be_an_object(params: object) -> None:
    (fault,) = faults(job(tasks=[{"type": "noop", "params": params}]))
    assert fault.pointer == "/tasks/0/params"


def test_null_counts_as_an_empty_list_or_object() -> None:
    assert details('{"initiators":null,"tasks":null}') == ["Must have at least one Initiator and one Task"]
    assert details('{"initiators":[null],"tasks":[{"type":"noop"}]}') == ["type  does not exist"]


def test_everything_that_cannot_be_read_is_reported_at_once() -> None:
    found = faults(
        {"initiators": [{"type": 5}, 3], "tasks": [{"type": "no op"}, {"confirmations": -1}], "startAt": 1, "endAt": "x"}
    )
    assert [fault.pointer for fault in found] == [
        "/initiators/0/type",
        "/initiators/1",
        "/tasks/0/type",
        "/tasks/1/confirmations",
        "/startAt",
        "/endAt",
    ]
    assert found[2].detail == "Task Type validation: name no op contains invalid characters"


def test_a_list_must_be_a_list() -> None:
    assert [fault.pointer for fault in faults({"initiators": {}, "tasks": "noop"})] == ["/initiators", "/tasks"]


def test_faults_stand_in_the_order_of_v062() -> None:
    found = faults(
        {
            "initiators": [{"type": "Nope"}, {"type": "web"}, {"type": "cron"}],
            "tasks": [{"type": "httpget"}, {"type": "noop"}, {"type": "BridgeX"}],
            "startAt": "2019-06-28T00:00:00Z",
            "endAt": "2019-06-27T00:00:00Z",
        }
    )
    assert [(fault.detail, fault.pointer) for fault in found] == [
        ("StartAt cannot be before EndAt", "/startAt"),
        ("type nope does not exist", "/initiators/0/type"),
        ("Schedule must have a cron", "/initiators/2/params/schedule"),
        ("get: missing", "/tasks/0"),
        ("bridgex is not a supported adapter type", "/tasks/2"),
    ]


@pytest.mark.parametrize("missing", ["initiators", "tasks"])
def test_a_job_needs_an_initiator_and_a_task(missing: str) -> None:
    (fault,) = faults(job(**{missing: []}))
    assert (fault.detail, fault.pointer) == ("Must have at least one Initiator and one Task", f"/{missing}")


def test_a_job_may_start_and_end_at_the_same_instant() -> None:
    assert read(job(startAt="2019-06-27T14:03:11Z", endAt="2019-06-27T14:03:11Z")).end_at == NOW


def initiators(kind: str, **params: Any) -> dict[str, Any]:
    return job(initiators=[{"type": kind, "params": params}])


def test_a_schedule_is_kept_as_it_was_written() -> None:
    found = read(initiators("CRON", Schedule="CRON_TZ=Europe/Berlin  0 30 2 * * *", missed="Latest", overlap="skip"))
    cron = found.initiators[0]
    assert (cron.type, cron.schedule, cron.missed, cron.overlap) == (
        "cron",
        "CRON_TZ=Europe/Berlin  0 30 2 * * *",
        "latest",
        "skip",
    )


@pytest.mark.parametrize("policies", [{}, {"missed": None, "overlap": None}, {"missed": "", "overlap": ""}])
def test_policies_of_a_schedule_may_be_left_to_the_node(policies: dict[str, Any]) -> None:
    cron = read(initiators("cron", schedule="@hourly", **policies)).initiators[0]
    assert (cron.missed, cron.overlap) == (None, None)


@pytest.mark.parametrize("params", [{}, {"schedule": ""}, {"schedule": None}])
def test_a_cron_initiator_needs_a_line(params: dict[str, Any]) -> None:
    assert faults(initiators("cron", **params)) == [
        Fault("Schedule must have a cron", "/initiators/0/params/schedule", "ADY-0262")
    ]


@pytest.mark.parametrize("kind", ["cron", "web"])
@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("!", "Cron: Expected 5 to 6 fields, found 1: !"),
        ("! * * * *", 'Cron: Failed to parse int from !: strconv.Atoi: parsing "!": invalid syntax'),
        ("0 0 12 * * 7", "Cron: End of range (7) above maximum (6): 7"),
        ("CRON_TZ=Mars 0 0 12 * *", "Cron: provided bad location Mars: unknown time zone Mars"),
        (5, "Cron: initiators[0].params.schedule must be a string, not a number"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_whatever_the_type(kind: str, line: object, detail: str) -> None:
    (fault,) = faults(initiators(kind, schedule=line))
    assert fault.detail.startswith(detail)
    assert fault.pointer == "/initiators/0/params/schedule"


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("missed", "never", 'must be skip, latest or all, not "never"'),
        ("overlap", "maybe", 'must be allow or skip, not "maybe"'),
        ("overlap", True, "must be allow or skip, not a boolean"),
    ],
)
def test_other_policies_are_refused(name: str, value: object, detail: str) -> None:
    (fault,) = faults(initiators("cron", schedule="@hourly", **{name: value}))
    assert fault == Fault(f"initiators[0].params.{name} {detail}", f"/initiators/0/params/{name}", "ADY-0265")


@pytest.mark.parametrize("time", [1561644191, "1561644191", "2019-06-27T14:03:11Z", "2019-06-27 16:03:11 +0200"])
def test_a_one_time_run_has_a_time_in_any_form(time: object) -> None:
    runat = read(initiators("RunAt", time=time)).initiators[0]
    assert (runat.type, runat.run_at, runat.ran) == ("runat", NOW, False)


def test_a_one_time_run_may_have_been_run() -> None:
    assert read(initiators("runat", time=2018, ran=True)).initiators[0].ran
    assert not read(initiators("runat", time=2018, ran=None)).initiators[0].ran
    assert details(initiators("runat", time=2018, ran="yes")) == [
        "initiators[0].params.ran must be true or false, not a string"
    ]


@pytest.mark.parametrize(
    ("time", "detail"),
    [
        ("1000h", 'initiators[0].params.time: Could not find format for "1000h"'),
        (True, "initiators[0].params.time: a time is a number or a text"),
    ],
)
def test_what_is_no_time_to_run_at_is_refused(time: object, detail: str) -> None:
    (fault,) = faults(initiators("runat", time=time))
    assert fault.detail.startswith(detail)
    assert fault.pointer == "/initiators/0/params/time"


@pytest.mark.parametrize(
    ("time", "detail", "code"),
    [
        (None, "RunAt must have a time", "ADY-0263"),
        ("", "RunAt must have a time", "ADY-0263"),
        ("2019-06-27T13:59:59.9Z", "RunAt time must be after job's StartAt", "ADY-0264"),
        ("2019-06-27T15:00:01Z", "RunAt time must be before job's EndAt", "ADY-0264"),
    ],
)
def test_a_one_time_run_lies_within_its_jobs_time(time: object, detail: str, code: str) -> None:
    window = {"startAt": "2019-06-27T14:00:00Z", "endAt": "2019-06-27T15:00:00Z"}
    assert faults(initiators("runat", time=time) | window) == [Fault(detail, "/initiators/0/params/time", code)]


@pytest.mark.parametrize("time", ["2019-06-27T14:00:00Z", "2019-06-27T15:00:00Z", "2019-06-27T15:00:00.9Z"])
def test_both_ends_of_a_jobs_time_belong_to_it(time: str) -> None:
    window = {"startAt": "2019-06-27T14:00:00.5Z", "endAt": "2019-06-27T15:00:00Z"}
    assert read(initiators("runat", time=time) | window).initiators[0].run_at is not None


def test_other_types_keep_no_schedule() -> None:
    web = read(initiators("web", schedule="@hourly", time=2018, ran=True, missed="x", overlap=5)).initiators[0]
    assert (web.schedule, web.run_at, web.ran, web.missed, web.overlap) == (None, None, False, None, None)


@pytest.mark.parametrize(
    ("written", "juels"),
    [("1000000000000000000", 10**18), (5, 5), ("0", 0), (str(2**256 - 1), 2**256 - 1), ("", None), (None, None)],
)
def test_a_job_may_ask_for_a_payment_of_its_own(written: object, juels: int | None) -> None:
    assert read(job(minPayment=written)).min_payment == juels


@pytest.mark.parametrize("written", [-1, 1.5, "-1", "0x5", "1.5", "1 LINK", str(2**256), "9" * 79, True, [], {}])
def test_what_is_no_payment_is_refused(written: object) -> None:
    (fault,) = faults(job(minPayment=written))
    assert fault.pointer == "/minPayment"
    assert fault.detail.startswith("minPayment must be a whole number of juels")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["web", "runlog", "noop", "0x", ORACLE]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["initiators", "tasks", "type", "params", "address", "requesters", "confirmations", "startAt", "Time"]
            )
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_json_is_a_job_or_invalid(value: object) -> None:
    with suppress(Invalid):
        found = read(json.dumps(value).encode())
        assert found.initiators
        assert found.tasks


@given(st.binary())
def test_any_bytes_are_a_job_or_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(body)


def begins(value: object, kind: str = "runlog") -> dict[str, Any]:
    return job(initiators=[{"type": kind, "params": {"fromBlock": value}}])


@pytest.mark.parametrize(
    ("value", "block"),
    [(1200, 1200), ("1200", 1200), ("0x4b0", 1200), (0, 0), ("unanswered", 0), ("latest", None), (None, None)],
)
def test_a_job_says_from_which_block_it_takes_requests(value: object, block: int | None) -> None:
    assert read(begins(value)).initiators[0].from_block == block


def test_what_a_client_starts_begins_nowhere() -> None:
    assert read(begins(5, kind="web")).initiators[0].from_block is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1, "-1"),
        (1.5, "1.5"),
        (2**61, str(2**61)),
        ("", '""'),
        ("earliest", '"earliest"'),
        ("-5", '"-5"'),
        ("0x", '"0x"'),
        ("٣", '"٣"'),
        (True, "a boolean"),
        ([], "an array"),
    ],
)
def test_a_beginning_that_is_no_block_is_refused(value: object, shown: str) -> None:
    assert faults(begins(value)) == [
        Fault(
            'initiators[0].params.fromBlock must be a block number (such as 1200 or "0x4b0"), "latest" or "unanswered", '
            f"not {shown}",
            "/initiators/0/params/fromBlock",
            "ADY-0260",
        )
    ]


@pytest.mark.parametrize("given", ["4C7B7FFB66B344fbaa64995af81e355a", "4c7b7ffb-66b3-44fb-aa64-995af81e355a"])
def test_a_job_may_bring_its_id_along(given: str) -> None:
    assert read(job(externalJobID=given)).id == "4c7b7ffb66b344fbaa64995af81e355a"


@pytest.mark.parametrize("given", [None, ""])
def test_a_job_without_an_id_gets_one(given: str | None) -> None:
    assert read(job(externalJobID=given)).id == "a" * 32


@pytest.mark.parametrize(("given", "shown"), [("xyz", '"xyz"'), (5, "a number"), ("a" * 33, f'"{"a" * 33}"')])
def test_an_id_that_cannot_be_one_is_refused(given: object, shown: str) -> None:
    assert faults(job(externalJobID=given)) == [
        Fault(f"externalJobID must be 32 hex digits, with or without dashes, not {shown}", "/externalJobID", "ADY-0251")
    ]
