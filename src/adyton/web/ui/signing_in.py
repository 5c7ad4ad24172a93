"""Sign in, sign out, and how the pages look to this visitor."""

from __future__ import annotations

from starlette.responses import Response

from adyton.web.ui.api import ApiRefused
from adyton.web.ui.page import SIGN_IN, View, Visit, go, local

_YEAR = 365 * 24 * 3600


async def form(visit: Visit) -> View | Response:
    """Ask for e-mail and password. Whoever is signed in goes on."""
    back = local(visit.query("next"))
    if visit.caller.role is not None:
        return go(back)
    return View("signin.html.j2", {"next": back, "email": "", "faults": [], "lost": cookie_is_lost(visit)})


async def sign_in(visit: Visit) -> View | Response:
    """Open a session, and go to where the visitor wanted to be."""
    email, back = visit.form.get("email", ""), local(visit.form.get("next", ""))
    answer = await visit.api.ask("POST", "/sessions", {"email": email, "password": visit.form.get("password", "")})
    if not answer.ok:
        values = {"next": back, "email": email, "faults": answer.faults, "lost": cookie_is_lost(visit)}
        return View("signin.html.j2", values, answer.status)
    response = go(back)
    response.headers.append("set-cookie", answer.headers["set-cookie"])
    return response


def cookie_is_lost(visit: Visit) -> bool:
    """Whether the browser will not keep the session: its cookie is for TLS only, and this is plain HTTP to another machine."""
    url = visit.request.url
    if url.scheme == "https" or not visit.node.settings.secure_cookies:
        return False
    return url.hostname not in {"localhost", "::1"} and not (url.hostname or "").startswith("127.")


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    answer = await visit.api.ask("DELETE", "/sessions")
    if not answer.ok and answer.status != 401:
        raise ApiRefused(answer)  # the session is still open
    response = go(SIGN_IN, "You are signed out.")
    if "set-cookie" in answer.headers:
        response.headers.append("set-cookie", answer.headers["set-cookie"])
    return response


async def choose_theme(visit: Visit) -> Response:
    """Remember light, dark, or whatever the visitor's system says."""
    theme = visit.form.get("theme", "")
    chosen = theme if theme in {"light", "dark"} else ""
    response = go(local(visit.form.get("back", "")))
    age = _YEAR if chosen else 0
    response.headers.append("set-cookie", f"theme={chosen}; Path=/; Max-Age={age}; SameSite=Lax")
    return response
