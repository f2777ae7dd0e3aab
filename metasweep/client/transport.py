"""GraphQL over HTTP: requests, retries and rate limits, the same for every query."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from metasweep.client.account import Account, settings_folder
from metasweep.client.embedded import OWN_HEADER
from metasweep.client.noticeboard import Noticeboard
from metasweep.client.throttle import Throttle

T = TypeVar("T")
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0  # a claim may wait behind other writers
LEAVING_SECONDS = 2.0  # to wait for an answer, after the caller was told to stop
RETRY_SECONDS = (0.5, 30.0)  # the first wait and the longest
AWAY_SECONDS = 10.0  # without an answer before the user is told
NOT_ACTED = (429, 501)  # with these statuses the server has not done what was asked


class Refused(Exception):
    """The server refused the request. `status` is the HTTP status, or 200 for a GraphQL error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(Exception):
    """No answer, or an answer that asks to try again (429, 5xx)."""

    def __init__(self, message: str, may_have_acted: bool = True) -> None:
        """`may_have_acted`: the server may have done what was asked, and only its answer was lost."""
        super().__init__(message)
        self.may_have_acted = may_have_acted


class Transport:
    """Sends queries to one account's server. Several threads may use it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.stop = threading.Event()
        """Once set, it ends every wait for a server that does not answer."""
        self.board = Noticeboard(settings_folder(os.environ), account)
        self.throttle = Throttle(self.board)
        self.say: Callable[[str], None] = lambda _text: None
        """Tells the user that the server does not answer, and that it answers again."""
        self.is_embedded = False
        """Whether the embedded server has answered. It has no rate limit."""
        self.round_trip = math.inf
        """Seconds that the fastest answer took."""
        self._local = threading.local()
        self._silent_since: float | None = None
        self._said_away = False

    def execute(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send one query once, as soon as the server's rate limit allows it.

        Raises: Refused, Unreachable.
        """
        body = {"query": query, "variables": variables}
        return read_reply(self.request("POST", f"{self.account.base_url}/graphql", json=body))

    def request(self, method: str, url: str, **content: Any) -> requests.Response:
        """Send one request once, as soon as the rate limit allows it. Only our own server gets the key.

        Returns the answer, which may be a refusal (4xx). Raises: Unreachable.
        """
        if (wait := self.throttle.left()) and self.stop.wait(wait):
            raise Unreachable("the server's rate limit", may_have_acted=False)
        answer_seconds = LEAVING_SECONDS if self.stop.is_set() else ANSWER_SECONDS
        began = time.monotonic()
        try:
            reply = self._session(url).request(
                method, url, timeout=(min(CONNECT_SECONDS, answer_seconds), answer_seconds), **content
            )
        except requests.RequestException as error:
            self._note_silence(reason(error))
            raise Unreachable(reason(error), may_have_acted=not never_sent(error)) from error
        self.is_embedded = self.is_embedded or OWN_HEADER in reply.headers
        self.throttle.note(reply.status_code, reply.headers)
        if reply.status_code == 429 or reply.status_code >= 500:
            if reply.status_code != 429:
                self._note_silence(f"HTTP {reply.status_code}")
            raise Unreachable(f"HTTP {reply.status_code}", reply.status_code not in NOT_ACTED)
        self.round_trip = min(self.round_trip, time.monotonic() - began)
        self._note_answer()
        return reply

    def until_answered(
        self,
        ask: Callable[[], T],
        attempts: float = math.inf,
        worthwhile: Callable[[], bool] = lambda: True,
    ) -> T:
        """Call `ask` until it is answered, at most `attempts` times, waiting longer each time, with jitter.

        Raises: what `ask` raises; Unreachable only after the last attempt, after `stop` was set, or when it
        is no longer `worthwhile`.
        """
        wait, longest = RETRY_SECONDS
        attempt = 1
        while True:
            try:
                return ask()
            except Unreachable:
                pause = max(self.throttle.left(), random.uniform(wait / 2, wait))
                if attempt == attempts or self.stop.wait(pause) or not worthwhile():
                    raise
            attempt, wait = attempt + 1, min(2 * wait, longest)

    def send_until_answered(
        self, query: str, variables: dict[str, Any], attempts: float = math.inf
    ) -> dict[str, Any]:
        """Send a query until it is answered. Raises: Refused, and as `until_answered`."""
        return self.until_answered(lambda: self.execute(query, variables), attempts)

    def _session(self, url: str) -> requests.Session:
        """Return this thread's session for a URL.

        Files may lie on another host, which must not get the key.
        """
        ours = url.startswith(f"{self.account.base_url}/")
        name = "own" if ours else "others"
        if not hasattr(self._local, name):
            session = requests.Session()
            session.auth = ("api", self.account.api_key) if ours else NoKey()
            setattr(self._local, name, session)
        return getattr(self._local, name)

    def _note_silence(self, why: str) -> None:
        """Tell the user once that the server has not answered for a while."""
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if now - self._silent_since > AWAY_SECONDS and not self._said_away:
            self._said_away = True
            self.say(f"{self.account.base_url} does not answer ({why}): asking again until it does")

    def _note_answer(self) -> None:
        self._silent_since = None
        if self._said_away:
            self._said_away = False
            self.say(f"{self.account.base_url} answers again")


class NoKey(AuthBase):
    """Sends neither the key nor anything from the user's `~/.netrc`, which requests would read."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request unchanged."""
        return request


def read_reply(reply: requests.Response) -> dict[str, Any]:
    """Return the data of a GraphQL answer.

    Raises: Refused, with the server's own message if there is one.
    """
    try:
        body = reply.json()
    except requests.JSONDecodeError:
        body = {}
    errors = body.get("errors") if isinstance(body, dict) else None
    if errors or reply.status_code >= 400:
        words = "; ".join(str(e.get("message", e) if isinstance(e, dict) else e) for e in errors or [])
        raise Refused(words or f"HTTP {reply.status_code}", reply.status_code)
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Refused("the answer is not GraphQL: is this a W&B server?", reply.status_code)
    return body["data"]


def never_sent(error: requests.RequestException) -> bool:
    """Return whether a request cannot have reached the server, because no connection was made."""
    known = (requests.ConnectTimeout, requests.exceptions.SSLError)
    return isinstance(error, known) or reason(error) in ("no such host", "connection refused")


def reason(error: requests.RequestException) -> str:
    """Return in a few words why a request got no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "no answer in time"
    if "Name or service not known" in str(error) or "name resolution" in str(error):
        return "no such host"
    if "Connection refused" in str(error):
        return "connection refused"
    return "connection lost"
