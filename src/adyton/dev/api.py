"""The node's public API, as a client uses it: log in, create jobs, look at runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adyton.domain.errors import Refused
from adyton.ports import HttpRequest, HttpResponse, HttpTransport

LIMIT = 16 * 1024 * 1024


class ApiRefused(Refused):
    """The node answered with an error status."""

    usual = "ADY-1266"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class NodeApi:
    """A client of one node. ``attributes`` of JSON:API resources are handed out as they come."""

    def __init__(self, url: str, http: HttpTransport) -> None:
        self.url = url
        self._http = http
        self._cookie = ""

    async def login(self, email: str, password: str) -> None:
        """Open a session. Raises ApiRefused."""
        answer = await self._exchange("POST", "/sessions", {"email": email, "password": password})
        self._cookie = answer.headers["set-cookie"].partition(";")[0]

    async def create_job(self, job: dict[str, Any]) -> str:
        """Add a job and return its id. Raises ApiRefused."""
        created: str = (await self._data("POST", "/v2/specs", job))["id"]
        return created

    async def archive_job(self, job_id: str) -> None:
        """Archive a job. Raises ApiRefused."""
        await self._exchange("DELETE", f"/v2/specs/{job_id}", None)

    async def start_run(self, job_id: str, given: object = None, *, headers: Mapping[str, str] | None = None) -> str:
        """Start a run of a job and return its id. ``headers`` are those of an external initiator, instead of the session.
        Raises ApiRefused."""
        answer = await self._exchange("POST", f"/v2/specs/{job_id}/runs", given, headers=headers)
        started: str = json.loads(answer.body)["data"]["id"]
        return started

    async def create_bridge(self, name: str, url: str, **more: object) -> str:
        """Add a bridge and return its incoming token. Raises ApiRefused."""
        made = await self._data("POST", "/v2/bridge_types", {"name": name, "url": url, **more})
        token: str = made["attributes"]["incomingToken"]
        return token

    async def answer_for_bridge(self, run_id: str, token: str, answer: object) -> dict[str, Any]:
        """Give the late answer of a bridge; returns the run as it is then. Raises ApiRefused."""
        headers = {"Authorization": f"Bearer {token}"}
        body = (await self._exchange("PATCH", f"/v2/runs/{run_id}", answer, headers=headers)).body
        shown: dict[str, Any] = json.loads(body)["data"]["attributes"]
        return shown

    async def create_initiator(self, name: str, url: str) -> dict[str, Any]:
        """Add an external initiator and return its secrets. Raises ApiRefused."""
        made: dict[str, Any] = await self._data("POST", "/v2/external_initiators", {"name": name, "url": url})
        secrets: dict[str, Any] = made["attributes"]
        return secrets

    async def runs(self, job_id: str) -> list[dict[str, Any]]:
        """The newest hundred runs of a job, oldest first."""
        listed = await self._data("GET", f"/v2/runs?jobSpecId={job_id}&size=100&sort=-createdAt")
        return [resource["attributes"] for resource in reversed(listed)]

    async def run(self, run_id: str) -> dict[str, Any]:
        """One run."""
        shown: dict[str, Any] = (await self._data("GET", f"/v2/runs/{run_id}"))["attributes"]
        return shown

    async def addresses(self) -> list[str]:
        """The addresses that the node signs with, in lower case."""
        return [account["id"].lower() for account in await self._data("GET", "/v2/user/balances")]

    async def health(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The status of ``GET /health`` and its checks by name. Needs no session."""
        answer = await self._send("GET", "/health", None)
        checks = json.loads(answer.body)["data"]
        return answer.status, {check["attributes"]["name"]: check["attributes"] for check in checks}

    async def ready(self) -> bool:
        """Whether the API serves."""
        return (await self._send("GET", "/readyz", None)).status == 200

    async def _data(self, method: str, path: str, body: object | None = None) -> Any:
        return json.loads((await self._exchange(method, path, body)).body)["data"]

    async def _exchange(
        self, method: str, path: str, body: object | None, *, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        answer = await self._send(method, path, body, headers=headers)
        if answer.status >= 400:
            raise ApiRefused(answer.status, answer.body.decode(errors="replace"))
        return answer

    async def _send(
        self, method: str, path: str, body: object | None, *, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """One exchange; with ``headers`` the session is left out."""
        sent = [("Content-Type", "application/json"), *(headers or {}).items()]
        if self._cookie and headers is None:
            sent.append(("Cookie", self._cookie))
        content = None if body is None else json.dumps(body).encode()
        request = HttpRequest(
            method=method, url=self.url + path, headers=tuple(sent), body=content, limit=LIMIT, unrestricted=True
        )
        return await self._http.request(request)
