"""The processes of Python adapters, for real: whatever one does can fail only its own call."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import adyton
from adyton.domain.data import encode_bytes, parse
from adyton.domain.python_adapters import Answer, Installed, Question
from adyton.ports import WorkerFailure
from adyton.system import workers
from adyton.system.workers import SystemWorkers, environment_of

CODE = """
import asyncio, ctypes, decimal, os, signal, subprocess, sys, time
import msgspec
from adyton.sdk import adapter

class Params(msgspec.Struct):
    symbol: str
    factor: decimal.Decimal = decimal.Decimal(1)

class Strict(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str

@adapter(params=Params)
def price(params, data, /):
    return {"result": data["result"] * params.factor, "symbol": params.symbol}

@adapter(params=Strict)
def strict(params, data, /):
    return params.symbol

@adapter()
def echo(params, data, /):
    return params.get("value")

@adapter()
async def later(params, data, /):
    await asyncio.sleep(0)
    return "later"

@adapter()
def raises(params, data, /):
    raise KeyError("no such symbol")

@adapter()
def leaves(params, data, /):
    sys.exit(3)

@adapter()
def exits(params, data, /):
    os._exit(7)

@adapter()
def crashes(params, data, /):
    ctypes.string_at(0)

@adapter(timeout=0.3)
def spins(params, data, /):
    while True:
        pass

@adapter()
def recurses(params, data, /):
    return recurses(params, data)

@adapter()
def large(params, data, /):
    return "x" * 200_000

@adapter()
def prints(params, data, /):
    print('{"number": 1, "value": "forged"}')
    os.write(1, b"more\\n" * 1000)
    os.system("echo from a child")
    return sys.stdin.read()

@adapter()
def garbles(params, data, /):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"not an answer\\n")
        except OSError:
            pass

@adapter()
def floods(params, data, /):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"x" * 10_000_000)
        except OSError:
            pass

@adapter()
def greedy(params, data, /):
    return len(bytearray(3 * 2**30))

@adapter()
def pid(params, data, /):
    return os.getpid()

@adapter()
def environment(params, data, /):
    return dict(os.environ)

@adapter(timeout=2)
def child(params, data, /):
    with open(params["file"], "w") as file:
        file.write(str(subprocess.Popen(["sleep", "600"]).pid))
    time.sleep(600)

@adapter(timeout=600)
def copies_itself_and_exits(params, data, /):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    with open(params["file"], "w") as file:
        file.write(str(pid))
    os._exit(5)

@adapter()
def told_to_end(params, data, /):
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(there, b"!")
        time.sleep(600)
    os.read(here, 1)
    for each in (os.getpid(), pid):
        os.kill(each, signal.SIGTERM)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])

@adapter()
def infinite(params, data, /):
    return [1, float("inf")]

def not_an_adapter(params, data):
    return 1
"""
NAMES = [
    "price", "strict", "echo", "later", "raises", "leaves", "exits", "crashes", "spins", "recurses", "large", "prints",
    "garbles", "floods", "greedy", "pid", "environment", "child", "infinite", "not_an_adapter", "missing",
    "copies_itself_and_exits", "told_to_end",
]  # fmt: skip
LIMIT = 100_000


class Packages:
    """A package of adapters in its processes."""

    def __init__(self, processes: SystemWorkers) -> None:
        self._processes = processes

    async def ask(self, name: str, params: Any = None, data: Any = None, op: str = "perform") -> Answer:
        question = Question(
            op="check" if op == "check" else "perform",
            name=name,
            params=msgspec.Raw(encode_bytes(params or {})),
            data=msgspec.Raw(encode_bytes(data or {})),
        )
        return await self._processes.ask(question)

    async def value(self, name: str, params: Any = None, data: Any = None) -> Any:
        answer = await self.ask(name, params, data)
        assert answer.error is None
        assert isinstance(answer.value, msgspec.Raw)
        return parse(bytes(answer.value))


@asynccontextmanager
async def packages(
    tmp_path: Path,
    code: str = CODE,
    names: list[str] = NAMES,
    memory: int = 2**31,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Packages]:
    module = f"adapters_{os.urandom(4).hex()}"
    (tmp_path / f"{module}.py").write_text(code)
    source = str(Path(adyton.__file__).parents[1])
    installed = [Installed(name=name, package="test", version="1", target=f"{module}:{name}") for name in names]
    async with SystemWorkers(
        installed,
        timeout=20,
        answer_limit=LIMIT,
        memory_limit=memory,
        environ={"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{source}", **(environ or {})},
    ) as processes:
        yield Packages(processes)


async def ended(pid: int) -> None:
    """Wait until a process is gone, or waits only to be reaped by somebody else."""
    status = Path(f"/proc/{pid}/status")
    async with asyncio.timeout(10):
        while True:
            try:
                if "(zombie)" in status.read_text():  # noqa: ASYNC240 - a read from the kernel
                    return
            except (FileNotFoundError, ProcessLookupError):
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def package(tmp_path: Path) -> AsyncIterator[Packages]:
    async with packages(tmp_path) as found:
        yield found


async def test_numbers_stay_exact_on_the_way_there_and_back(package: Packages) -> None:
    answer = await package.ask(
        "price", {"symbol": "ETH", "factor": Decimal("1.10")}, {"result": Decimal("123456789012345678901234567890.5")}
    )
    assert answer.merge
    assert isinstance(answer.value, msgspec.Raw)
    assert parse(bytes(answer.value)) == {"result": Decimal("135802467913580246791358024679.550"), "symbol": "ETH"}
    assert await package.value("echo", {"value": 10**40}) == 10**40


async def test_a_function_may_be_async(package: Packages) -> None:
    assert await package.value("later") == "later"


async def test_params_are_checked_against_their_type(package: Packages) -> None:
    assert (await package.ask("price", {"symbol": "ETH"}, op="check")).error is None
    wrong = await package.ask("price", {"symbol": 5}, op="check")
    assert wrong.error == "ValidationError: Expected `str`, got `int` - at `$.symbol`"
    missing = await package.ask("price")
    assert missing.error == "ValidationError: Object missing required field `symbol`"


async def test_input_of_a_run_that_is_no_param_is_not_the_adapters_business(package: Packages) -> None:
    assert await package.value("strict", {"symbol": "ETH", "result": 1, "address": "0x"}) == "ETH"
    unknown = await package.ask("strict", {"symbol": "ETH", "tpyo": 1}, op="check")
    assert unknown.error == "ValidationError: Object contains unknown field `tpyo`"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("raises", "KeyError: 'no such symbol'"),
        ("leaves", "SystemExit: 3"),
        ("recurses", "RecursionError: maximum recursion depth exceeded"),
        ("large", "bytes; 100000 are allowed"),
        ("greedy", "MemoryError"),
        ("infinite", "ValueError: the answer holds inf, which is no number of JSON"),
    ],
)
async def test_an_exception_is_the_calls_alone(package: Packages, name: str, error: str) -> None:
    before = await package.value("pid")
    assert error in str((await package.ask(name)).error)
    assert await package.value("pid") == before


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("exits", "its process ended with status 7"),
        ("crashes", "its process ended by SIGSEGV"),
        ("spins", r"it did not answer within 0\.3 s, and its process was ended"),
        ("garbles", "its process answered with something else than an answer"),
        ("floods", "its process answered with more than it may"),
    ],
)
async def test_a_process_that_ends_or_must_be_ended_is_replaced(package: Packages, name: str, error: str) -> None:
    before = await package.value("pid")
    with pytest.raises(WorkerFailure, match=error):
        await package.ask(name)
    after = await package.value("pid")
    assert after != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("not_an_adapter", r"is not an adapter: put @adyton.sdk.adapter\(...\) on the function"),
        ("missing", "it cannot be loaded: AttributeError"),
    ],
)
async def test_what_cannot_be_loaded_says_why_and_its_neighbours_work(package: Packages, name: str, error: str) -> None:
    with pytest.raises(WorkerFailure, match=error):
        await package.ask(name)
    assert await package.value("later") == "later"


async def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    async with packages(tmp_path, "import nothing_of_that_name", ["price"]) as package:
        with pytest.raises(WorkerFailure, match="it cannot be loaded: ModuleNotFoundError: No module named 'nothing"):
            await package.ask("price")


async def test_a_module_that_ends_the_process_when_it_is_imported_fails_its_calls(tmp_path: Path) -> None:
    async with packages(tmp_path, "import os; os._exit(9)", ["price"]) as package:
        with pytest.raises(WorkerFailure, match="its process ended with status 9"):
            await package.ask("price")


async def test_what_an_adapter_prints_or_reads_is_not_taken_for_the_protocol(package: Packages) -> None:
    assert await package.value("prints") == ""


async def test_what_an_adapter_starts_ends_with_it(package: Packages, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailure, match="did not answer"):
        await package.ask("child", {"file": str(tmp_path / "pid")})
    started = int((tmp_path / "pid").read_text())
    await ended(started)


async def test_what_a_process_has_started_ends_when_it_ends_by_itself(package: Packages, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailure, match="its process ended with status 5"):
        await package.ask("copies_itself_and_exits", {"file": str(tmp_path / "pid")})
    await ended(int((tmp_path / "pid").read_text()))


async def test_a_service_manager_that_tells_every_process_to_end_fails_no_call(package: Packages) -> None:
    assert await package.value("told_to_end") == signal.SIGTERM


async def test_calls_behind_one_that_hangs_go_to_other_processes(package: Packages) -> None:
    calls = [package.ask("spins") for _ in range(workers.PROCESSES + 1)] + [package.ask("later")]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [WorkerFailure] * (workers.PROCESSES + 1) + [Answer]


async def test_several_calls_run_at_once_and_no_more_processes_than_allowed(package: Packages) -> None:
    pids = await asyncio.gather(*(package.value("pid") for _ in range(20)))
    assert 1 <= len(set(pids)) <= workers.PROCESSES


async def test_a_call_that_is_given_up_ends_its_process(package: Packages) -> None:
    before = await package.value("pid")
    call = asyncio.create_task(package.ask("echo"))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow = asyncio.create_task(package.ask("child", {"file": "/dev/null"}))
    await asyncio.sleep(0)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await package.value("pid") != before


ENDLESS = """
import os, re, subprocess, sys
from adyton.sdk import adapter

@adapter(timeout=600)
def loop(params, data):
    child = subprocess.Popen(["sleep", "600"])
    with open(params["file"], "w") as file:
        print(os.getpid(), child.pid, file=file)
    while params["how"] == "python":
        pass
    re.match("(a+)+$", "a" * 60 + "b")  # no thread of this process gets a turn
"""
NODE = """
import asyncio, msgspec, os, sys
from adyton.domain.python_adapters import Installed, Question
from adyton.system.workers import SystemWorkers

async def main():
    loop = Installed(name="loop", package="p", version="1", target="endless:loop")
    workers = SystemWorkers([loop], timeout=600, answer_limit=1000)
    params = msgspec.Raw(msgspec.json.encode({"file": sys.argv[1], "how": sys.argv[2]}))
    await workers.ask(Question(op="perform", name="loop", params=params, data=msgspec.Raw(b"{}")))

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["python", "C"])
async def test_the_processes_end_when_the_node_is_killed_whatever_they_do(tmp_path: Path, how: str) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    source = str(Path(adyton.__file__).parents[1])
    said = tmp_path / "pids"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NODE, str(said), how, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{source}"}
    )
    async with asyncio.timeout(30):
        while not (said.exists() and said.read_text().endswith("\n")):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    for pid in said.read_text().split():
        await ended(int(pid))


async def test_a_process_that_has_nothing_to_do_ends(package: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.01)
    before = await package.value("pid")
    await ended(before)
    assert await package.value("pid") != before


async def test_a_process_that_died_while_it_had_nothing_to_do_is_not_asked(package: Packages) -> None:
    before = await package.value("pid")
    os.kill(before, 9)
    async with asyncio.timeout(10):
        while Path(f"/proc/{before}").exists():  # noqa: ASYNC110, ASYNC240 - until its last thread is gone
            await asyncio.sleep(0.01)
    assert await package.value("later") == "later"


async def test_the_nodes_own_settings_are_not_in_the_environment(tmp_path: Path) -> None:
    secret = {
        "DATABASE_URL": "postgresql://u:hush@h/d", "ADYTON_SECRET_KEY": "hush", "ETH_URL": "wss://h/hush", "LC_ALL": "C",
        "ADAPTER_REGION": "eu", "HTTPS_PROXY": "http://u:hush@proxy",
    }  # fmt: skip
    async with packages(tmp_path, environ=secret) as package:
        seen = await package.value("environment")
    assert "hush" not in str(seen)
    assert (seen["ADAPTER_REGION"], seen["LC_ALL"]) == ("eu", "C")


def test_only_what_is_listed_is_passed_on() -> None:
    assert environment_of({"PASSWORD": "x", "PATH": "/bin"}) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}


async def test_without_a_memory_limit_there_is_none(tmp_path: Path) -> None:
    code = (
        "import resource\nfrom adyton.sdk import adapter\n"
        "@adapter()\ndef bound(params, data): return resource.getrlimit(resource.RLIMIT_AS)[0]"
    )
    async with packages(tmp_path, code, ["bound"], memory=0) as package:
        assert await package.value("bound") == -1
    async with packages(tmp_path, code, ["bound"], memory=2**30) as package:
        assert await package.value("bound") == 2**30
