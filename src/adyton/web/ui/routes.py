"""Every page. ``needs`` is the role of who may see it; what a form does is checked by the API once more."""

from __future__ import annotations

from adyton.web.ui import runs, signing_in
from adyton.web.ui.page import Page

PAGES: tuple[Page, ...] = (
    Page("GET", "/signin", signing_in.form, public=True),
    Page("POST", "/signin", signing_in.sign_in, public=True),
    Page("POST", "/signout", signing_in.sign_out),
    Page("POST", "/theme", signing_in.choose_theme, public=True),
    Page("GET", "/runs", runs.index),
)
