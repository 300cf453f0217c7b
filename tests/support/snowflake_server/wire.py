"""The HTTP endpoints: logins, requests with one or more statements, and uploads."""

import asyncio
import contextlib
import gzip
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fakesnow.converter import from_binding
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import control
from .account import LoginError, UnknownAccountError, account_from, check_login, role_at_login
from .answers import Answer
from .engine import Engine
from .errors import CutConnectionError, SqlError
from .session import Session
from .statements import split
from .transport import Protocol

MULTI_STATEMENT = 0xA000
SERVER_VERSION = "9.40.0"


class Wire:
    """The Snowflake endpoints that its clients call."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._results: dict[str, dict[str, Any]] = {}
        self.begin()

    def begin(self) -> None:
        """Starts with an empty account from the settings."""
        self.engine = Engine(account_from(self._settings))
        Protocol.engine = self.engine
        self._results.clear()

    def app(self) -> Starlette:
        """Returns the application, including the endpoints that control the server in tests."""
        routes = [
            Route("/session/v1/login-request", self.login, methods=["POST"]),
            Route("/session", self.session, methods=["POST"]),
            Route("/session/heartbeat", self.session, methods=["POST"]),
            Route("/session/token-request", self.renew, methods=["POST"]),
            Route("/queries/v1/query-request", self.query, methods=["POST"]),
            Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
            Route("/queries/{query_id}/result", self.result, methods=["GET"]),
            Route("/monitoring/queries/{query_id}", self.monitoring, methods=["GET"]),
            Route("/telemetry/send", self.ignored, methods=["POST"]),
            Route("/stage/{path:path}", self.upload, methods=["PUT"]),
        ]
        return Starlette(routes=[*routes, *control.routes(self)], lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        watcher = asyncio.create_task(self._watch())
        yield
        watcher.cancel()
        self.engine.files.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            await run_in_threadpool(self.engine.roll_back_deserted)

    async def login(self, request: Request) -> Response:
        """Opens a session for an authenticated user."""
        login = (await _json(request))["data"]
        query = request.query_params
        account = self.engine.account
        try:
            user = check_login(account, login)
            role = role_at_login(account, user, _name(query.get("roleName")))
        except UnknownAccountError:
            return Response(status_code=404)
        except LoginError as error:
            refused = {"data": {"nextAction": "RETRY_LOGIN"}, "code": error.code, "message": error.message}
            return JSONResponse({**refused, "success": False})
        session = await run_in_threadpool(
            self.engine.open, user, role, query.get("warehouse"), query.get("databaseName"), query.get("schemaName")
        )
        query = login.get("SESSION_PARAMETERS") or {}
        session.query_tag = str(query.get("QUERY_TAG") or "")
        session.autocommit = str(query.get("AUTOCOMMIT", True)).upper() == "TRUE"
        _seen(session, request)
        return JSONResponse({"data": _logged_in(session), "success": True})

    async def session(self, request: Request) -> Response:
        """Confirms that a session exists, or ends it."""
        if not (session := self._session(request)):
            return _gone()
        if request.query_params.get("delete"):
            await run_in_threadpool(self.engine.close, session)
        return _done()

    async def renew(self, _request: Request) -> Response:
        """Refuses to renew a token: sessions of tests are short."""
        return JSONResponse(
            {"data": None, "code": "390114", "message": "Authentication token has expired.", "success": False}
        )

    async def query(self, request: Request) -> Response:
        """Executes the statements of a request."""
        if not (session := self._session(request)):
            return _gone()
        body = await _json(request)
        url = f"{request.url.scheme}://{request.url.netloc}"
        request_id = request.query_params.get("requestId") or str(uuid.uuid4())
        try:
            answer = await run_in_threadpool(self._answer, session, body, request_id, url)
        except CutConnectionError:
            if protocol := Protocol.open.get(request.scope["client"]):
                protocol.transport.abort()
            return Response(status_code=503)
        finally:
            _seen(session, request)
        return JSONResponse(answer)

    def _answer(self, session: Session, body: dict[str, Any], request_id: str, url: str) -> dict[str, Any]:
        with session.lock:
            # A client repeats the same request after a broken connection; like Snowflake, execute it once.
            if (kept := session.answers.get(request_id)) is not None:
                return kept
            try:
                answer = self._executed(session, body, url, request_id)
            except SqlError as error:
                answer = _refused(error)
            except (KeyError, TypeError, ValueError) as error:
                answer = _refused(SqlError(603, "XX000", f"This request cannot be read: {error}"))
            session.keep(request_id, answer)
            return answer

    def _executed(self, session: Session, body: dict[str, Any], url: str, request_id: str) -> dict[str, Any]:
        sql, count = body["sqlText"], (body.get("parameters") or {}).get("MULTI_STATEMENT_COUNT")
        texts = split(sql)
        wanted = 1 if count is None else int(count)
        if wanted not in {0, len(texts)} and texts:
            words = f"Actual statement count {len(texts)} did not match the desired statement count {wanted}."
            raise SqlError(8, "0A000", words)
        if len(texts) <= 1:
            return self._one(session, sql, _bindings(body), url, request_id)
        ids = [self._part(session, text, url) for text in texts]
        data = {
            "queryId": str(uuid.uuid4()),
            "resultIds": ",".join(query_id for query_id, _ in ids),
            "resultTypes": ",".join(str(kind) for _, kind in ids),
            "parameters": [],
            "rowtype": [],
            "rowset": [],
            "total": 1,
            "statementTypeId": MULTI_STATEMENT,
            "queryResultFormat": "json",
        }
        return {"data": data, "success": True}

    def _one(self, session: Session, sql: str, bindings: Any, url: str, request_id: str) -> dict[str, Any]:
        try:
            query_id, answer = self.engine.execute(session, sql, bindings, url)
        except CutConnectionError as cut:
            if cut.answer is not None:
                session.keep(request_id, _answered(session, *cut.answer))
            raise
        return _answered(session, query_id, answer)

    def _part(self, session: Session, text: str, url: str) -> tuple[str, int]:
        try:
            query_id, answer = self.engine.execute(session, text, None, url)
        except SqlError as error:
            words = f'Execution of multiple statements failed on statement "{text}" (at line 1, position 0).\n'
            raise SqlError(100132, "P0000", words + error.message) from error
        self._results[query_id] = _answered(session, query_id, answer)
        return query_id, answer.kind

    async def result(self, request: Request) -> Response:
        """Returns the result of one of several statements."""
        found = self._results.get(request.path_params["query_id"])
        return JSONResponse(found or {"data": {}, "code": "000709", "message": "Statement not found", "success": False})

    async def abort(self, request: Request) -> Response:
        """Interrupts the running statement of the session."""
        if session := self._session(request):
            session.duck.interrupt()
        return _done()

    async def monitoring(self, request: Request) -> Response:
        """Returns the final status of a statement."""
        query_id = request.path_params["query_id"]
        found = [entry for entry in self.engine.log.entries() if entry.query_id == query_id]
        status = {"SUCCESS": "SUCCESS", "FAIL": "FAILED_WITH_ERROR", "RUNNING": "RUNNING"}
        return JSONResponse(
            {"data": {"queries": [{"id": query_id, "status": status[e.status]} for e in found]}, "success": True}
        )

    async def ignored(self, _request: Request) -> Response:
        """Ignores telemetry."""
        return _done()

    async def upload(self, request: Request) -> Response:
        """Stores a file in a stage."""
        target = self.engine.files.target(request.path_params["path"])
        if target is None:
            return Response(status_code=400)
        target.parent.mkdir(parents=True, exist_ok=True)
        # The file is written completely before it is renamed, so it is never visible in part.
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        partial.write_bytes(await request.body())
        partial.replace(target)
        return Response()

    def _session(self, request: Request) -> Session | None:
        token = request.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')
        session = self.engine.sessions.get(token)
        if session:
            _seen(session, request)
        return session


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def _name(text: str | None) -> str | None:
    return text[1:-1] if text and text.startswith('"') else text and text.upper()


def _seen(session: Session, request: Request) -> None:
    session.last_seen = time.monotonic()
    if request.scope["client"] in Protocol.open:
        session.peers.add(request.scope["client"])


def _done() -> Response:
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


def _gone() -> Response:
    words = "Session no longer exists.  New login required to access the service."
    return JSONResponse({"data": None, "code": "390111", "message": words, "success": False})


def _refused(error: SqlError) -> dict[str, Any]:
    code = f"{error.errno:06d}"
    data = {"errorCode": code, "sqlState": error.sqlstate, "queryId": str(uuid.uuid4())}
    return {"data": data, "code": code, "message": error.message, "success": False}


def _logged_in(session: Session) -> dict[str, Any]:
    parameters = {
        "AUTOCOMMIT": session.autocommit,
        "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
        "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,
        "CLIENT_TELEMETRY_ENABLED": False,
        "TIMEZONE": "Etc/UTC",
    }
    return {
        "token": session.token,
        "masterToken": session.token,
        "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400,
        "sessionId": session.number,
        "serverVersion": SERVER_VERSION,
        "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        "sessionInfo": {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        },
    }


def _answered(session: Session, query_id: str, answer: Answer) -> dict[str, Any]:
    data = {
        "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        "queryId": query_id,
        "statementTypeId": answer.kind,
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        **answer.data,
    }
    return {"data": data, "success": True}


def _bindings(body: dict[str, Any]) -> Any:
    """Returns the parameters of a request: a tuple, a list of tuples for several rows, or a dict."""
    bindings = body.get("bindings")
    if not bindings:
        return None
    if not all(key.isdigit() for key in bindings):
        return {name: from_binding(value) for name, value in bindings.items()}
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(value["value"], list) for value in ordered):
        return list(zip(*[[_bound(b, value) for value in b["value"]] for b in ordered], strict=True))
    return tuple(_bound(value, value["value"]) for value in ordered)


def _bound(binding: dict[str, Any], value: Any) -> Any:
    return None if value is None else from_binding({**binding, "value": value})
