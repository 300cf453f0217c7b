"""No secret that the process knows reaches anything that is written: files, databases, logs or output."""

import base64
import json
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_foundation.process_wide.redaction import MASK, redact, remember
from data_foundation.process_wide.secret_settings import is_secret
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.support.locations import COMPOSITION, ROWS, Location

# Two runs of everything are made once, for all of these tests.
pytestmark = pytest.mark.xdist_group("secrets")

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"
"""An address where nobody listens."""


@dataclass(frozen=True)
class Route:
    """A way that a secret may take out of a source; `{id}` in any text is the name of the route's module.

    Attributes:
        code: What the entry does before it yields a row; it has the setting as a variable.
        setting: What the source calls the secret.
        value: The setting's text; {secret} is the canary, {quoted} the same in percent encoding.
        place: Where it is set; `variable` is one of the environment that is none of dlt's settings.
        yaml: More of the resource; {variable} is the variable's name.
        signature: Of the entry; default: the setting, which dlt gives.
        top: Code at the module's top.
        leaks: Whether the canary would come out if nothing were masked; False where Python itself keeps it.
    """

    code: str = "raise ValueError(token)"
    setting: str = "token"
    value: str = "{secret}"
    place: Literal["environment", "variable", ".env", "secrets.toml", "config.toml", "launchpad"] = "environment"
    yaml: str = ""
    signature: str | None = None
    top: str = ""
    leaks: bool = True


def chained(how: str) -> str:
    """Code that fails while it handles a failure."""
    return f"try: raise KeyError(token)\n    except KeyError as error: raise RuntimeError('no'){how}"


ROUTES = {
    # Addresses.
    "query of a URL": Route(f"requests.get('{NOBODY}/rows?token=' + quote(token, safe=''))"),
    "user info of a URL": Route("raise ValueError(f'no route to http://user:{quote(token, safe=str())}@host/rows')"),
    "fragment of a URL": Route("raise ValueError('https://host/app#access_token=' + token)"),
    "path of a URL": Route(f"requests.get(f'{NOBODY}/hooks/{{quote(token, safe=str())}}/rows')"),
    "URL inside of a URL": Route("raise ValueError('https://host/?next=' + quote(quote('https://h/' + token)))"),
    "lower-case percent encoding": Route("raise ValueError('/rows/' + quote(token, safe='').lower())"),
    "URL with a password": Route("raise ValueError(base_url)", "base_url", "http://user:{quoted}@127.0.0.1:9/v1"),
    "password of a URL": Route(
        "raise ValueError(unquote(urlsplit(base_url).password))", "base_url", "http://user:{quoted}@127.0.0.1:9/v1"
    ),
    "URL with a token in its path": Route("requests.get(base_url)", "base_url", f"{NOBODY}/bot/{{quoted}}/rows"),
    "query of a configured URL": Route(
        "raise ValueError(base_url.partition('=')[2])", "base_url", f"{NOBODY}/rows?sig={{quoted}}"
    ),
    # Headers.
    "basic authentication": Route("raise ValueError(requests.auth._basic_auth_str('user', token))"),
    "headers of a request": Route("raise ValueError({'Authorization': f'Bearer {token}'})"),
    "refused header": Route(f"requests.get('{NOBODY}', headers={{'Authorization': f'Bearer {{token}}\\n'}})"),
    # Exceptions.
    "text of a ValueError": Route(),
    "text of a KeyError": Route("raise KeyError(token)"),
    "cause of an exception": Route(chained(" from error")),
    "context of an exception": Route(chained("")),
    "note of an exception": Route("error = ValueError('no'); error.add_note(token); raise error"),
    "exception group": Route("raise ExceptionGroup(token, [ValueError(token), KeyError(token)])"),
    "exception that is no Exception": Route("raise Stop(token)", top="class Stop(BaseException): ..."),
    "text of a SystemExit": Route("raise SystemExit(token)"),
    "end of a generator": Route("return token", leaks=False),
    "StopIteration": Route("raise StopIteration(token)"),
    "input of a pydantic model": Route(
        "Vendor(credentials={'login': token, 'more': 'x' * 60})", top="class Vendor(BaseModel): credentials: int"
    ),
    "input that pydantic cuts": Route(
        "Vendor(key=token)", value="{secret}" * 3, top="class Vendor(BaseModel): key: int"
    ),
    "repr of a dataclass": Route("raise ValueError(Vendor(token))", top="@dataclass\nclass Vendor: credentials: str"),
    "JSON": Route("raise ValueError(json.dumps({'token': token}))", value='{secret}"{secret}'),
    "error of an attempt before the last": Route(
        "raise ConnectionError(token)", yaml="retries: {max: 1, backoff: 0.01}"
    ),
    "value that dlt cannot convert": Route(signature="{id}_token: int = dlt.secrets.value"),
    "import": Route(place="variable", signature="", top="import os\nraise ValueError(os.environ['{variable}'])"),
    # Where it comes from.
    "keyword argument by template": Route(
        "raise ValueError(api_key)", "noted", place="variable", yaml='kwargs: {api_key: "{{ env.{variable} }}"}',
        signature="api_key",
    ),
    "argument by template": Route(
        "raise ValueError(word)", "password", place="variable", yaml='args: ["{{ env.{variable} }}"]', signature="word"
    ),
    "name that says nothing": Route("raise ValueError(login)", "login"),
    "asked of dlt by hand": Route(
        "raise ValueError(dlt.secrets['sources.vendor.{id}_login'])", "login", signature=""
    ),
    "entry that is no generator": Route(
        "", "login", yaml="entry: {id}.refuse", signature="",
        top="def refuse({id}_login=dlt.secrets.value):\n    raise ValueError({id}_login)",
    ),
    "connection string": Route(
        "raise ValueError(token.rpartition('=')[2])", value="Server=db;User=me;Password={secret}"
    ),
    "credentials in JSON": Route(
        "raise ValueError(json.loads(login)['private_key'])", "login",
        '{"type": "service_account", "private_key": "{secret}"}',
    ),
    "line of a key": Route(
        "raise ValueError(token.split()[3])", value="-----BEGIN PRIVATE KEY-----\n{secret}{secret}\n"
    ),
    ".env": Route(place=".env"),
    "secrets.toml": Route(place="secrets.toml"),
    "secrets.toml, a name that says nothing": Route("raise ValueError(login)", "login", place="secrets.toml"),
    "user info in config.toml": Route(
        "raise ValueError(unquote(urlsplit(base_url).username))", "base_url", "http://{quoted}@127.0.0.1/v1",
        "config.toml", signature="{id}_base_url=dlt.config.value",
    ),
    "launchpad": Route("raise ValueError(api_key)", "api_key", place="launchpad", signature="api_key=None"),
    # What a source says itself.
    "print": Route("print('token', token)"),
    "print to stderr": Route("print(token, file=sys.stderr)"),
    "log": Route("logging.getLogger('vendor').warning('signed in with %s', token)"),
    "log of the source's own module": Route("logging.getLogger(__name__).info('signed in with %s', token)"),
    "log whose arguments do not fit": Route("logging.getLogger('vendor').warning('%d', token)"),
    "log of an exception": Route("logging.getLogger('vendor').error('no', exc_info=ValueError(token))"),
    "log of dlt": Route("dlt.common.logger.error(token)"),
    "warning": Route("warnings.warn(token)"),
    "printed traceback": Route("try: raise KeyError(token)\n    except KeyError: traceback.print_exc()"),
    "thread that fails": Route("thread = threading.Thread(target=int, args=(token,)); thread.start(); thread.join()"),
}  # fmt: skip

DATA = """
import json, logging, sys, threading, traceback, warnings
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import dlt
import requests
from pydantic import BaseModel

{top}


def get_rows({signature}):
    {first}
    {code}
    yield {{"id": 1}}
"""
INPUTS = (".env", ".dlt", "dlthub")
"""What a person writes, where secrets are meant to be."""

MATERIALIZE = ("-m", "dagster", "asset", "materialize", "--select", "*", "-f", "definitions.py", "--config-json")
NAKED = """
import re, runpy, sys
from data_foundation.process_wide import redaction
redaction._known.mask = lambda text: text
redaction._USERINFO = redaction._QUERY = redaction._NAMED = re.compile("(?!)()")
sys.argv = sys.argv[2:]
runpy.run_module("dagster", run_name="__main__", alter_sys=True)
"""


def canary(route: str) -> str:
    """A value unlike any other, with characters that every encoding writes in its own way."""
    digest = sha256(route.encode()).hexdigest()
    return f"cn{digest[:12]}/+{digest[12:24]}"


def needles(secret: str) -> set[bytes]:
    """Spellings that give a secret away: either half of it, and either end of it inside of anything in base64."""
    half = len(secret) // 2
    found = {secret[: half - 1], secret[half + 1 :]}
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret.encode()).decode()[4:-4]
        found |= {coded[:12], coded[-12:]}
    return {needle.encode() for needle in found}


@dataclass
class Trial:
    """A checkout of its own, and everything that programs wrote and said in it.

    Attributes:
        location: The checkout.
        settings: The environment of its programs.
        said: What they said.
    """

    location: Location
    settings: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program in the checkout, with no setting but those of this trial."""
        root = self.location.root
        own = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(root / "nobody"), "DAGSTER_HOME": str(root / "home")}
        done = subprocess.run(
            command, cwd=root, env=own | self.settings, capture_output=True, text=True, check=False, timeout=200
        )
        self.said.append(done.stdout + done.stderr)
        return done

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Yields everything written, by name; what is packed both as it is and as it reads."""
        yield from (("output", said.encode()) for said in self.said)
        root = self.location.root
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            name = str(file.relative_to(root))
            if name.split("/", maxsplit=1)[0] in INPUTS:
                continue
            data = file.read_bytes()
            yield name, name.encode() + data
            if data.startswith(b"\x1f\x8b"):
                yield name, zlib.decompressobj(wbits=31).decompress(data)
            elif data.startswith(b"PAR1") and data.endswith(b"PAR1"):
                yield name, str(pq.read_table(file).to_pylist()).encode()
            elif data.startswith(b"SQLite format 3"):
                with sqlite3.connect(file) as connection:
                    yield name, "\n".join(connection.iterdump()).encode()

    @cached_property
    def everything(self) -> list[tuple[str, bytes]]:
        """What is written when it is first asked for."""
        return list(self.written())

    def places(self, secret: str) -> set[str]:
        """Returns where a secret is found, in any spelling."""
        spelled = needles(secret)
        return {name for name, data in self.everything if any(needle in data for needle in spelled)}


class Vendor:
    """The source that has a resource for every route, in a module of its own."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.asked: dict[str, dict[str, str]] = {}
        self.files: dict[str, list[str]] = {".env": [], ".dlt/secrets.toml": [], ".dlt/config.toml": []}

    def write(self) -> None:
        """Writes the source, and its secrets to where they are set."""
        modules = {f"r{number:02}": route for number, route in enumerate(ROUTES)}
        resources = [self._resource(id_, route) for id_, route in modules.items()]
        yaml = "source: {max_concurrency: 8}\nresources:\n" + "".join(resources)
        modules = {id_: self._module(id_, ROUTES[route]) for id_, route in modules.items()}
        self.trial.location.add("vendor", yaml, **modules)
        for name, lines in self.files.items():
            table = "[sources.vendor]\n" if name.endswith("toml") else ""
            self.trial.location.write(name, table + "\n".join(lines))
        self.trial.location.write("definitions.py", COMPOSITION)
        self.trial.location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())

    def config(self) -> str:
        """Returns what is asked in the launchpad."""
        ops = {"vendor": {"config": {"kwargs": self.asked}}}
        return json.dumps({"ops": ops, "execution": {"config": {"in_process": {}}}})

    def _resource(self, id_: str, name: str) -> str:
        """Returns the resource of a route, whose secret it puts in its place."""
        route, secret = ROUTES[name], canary(name)
        value = route.value.replace("{secret}", secret).replace("{quoted}", quote(secret, safe=""))
        setting, variable = f"{id_}_{route.setting}", f"{id_}_{route.setting}".upper()
        match route.place:
            case "environment":
                self.trial.settings[f"SOURCES__VENDOR__{variable}"] = value
            case "variable":
                self.trial.settings[variable] = value
            case "launchpad":
                self.asked[id_] = {route.setting: value}
            case ".env":
                self.files[".env"].append(f"SOURCES__VENDOR__{variable}={value}")
            case file:
                self.files[f".dlt/{file}"].append(f'{setting} = "{value}"')
        entry = "" if "entry:" in route.yaml else f"entry: {id_}.get_rows, "
        retries = "" if "retries:" in route.yaml else "retries: {max: 0}, "
        more = route.yaml.replace("{variable}", variable).replace("{id}", id_)
        return f"  - {{{entry}{retries}destination: raw.{id_}{', ' * bool(more)}{more}}}\n"

    def _module(self, id_: str, route: Route) -> str:
        setting = f"{id_}_{route.setting}"
        signature = f"{setting}=dlt.secrets.value" if route.signature is None else route.signature
        first = f"{route.setting} = {setting}" if setting in signature.replace("{id}", id_) else "pass"
        text = DATA.format(top=route.top, signature=signature, first=first, code=route.code)
        return text.replace("{variable}", setting.upper()).replace("{id}", id_)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Every route taken in a run of Dagster; some by the command line, which also tells of them."""
    trial = Trial(Location(tmp_path_factory.mktemp("masked")))
    vendor = Vendor(trial)
    vendor.write()
    trial.run(sys.executable, *MATERIALIZE, vendor.config())
    trial.run("foundation", "run", *(f"vendor.r{number:02}" for number in range(0, len(ROUTES), 4)))
    trial.run("foundation", "preview", "vendor.r12")
    trial.run("foundation", "list")
    trial.run("foundation", "audit", "--json")
    return trial


@pytest.fixture(scope="module")
def naked(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """The same run of Dagster where nothing is masked."""
    trial = Trial(Location(tmp_path_factory.mktemp("naked")))
    vendor = Vendor(trial)
    vendor.write()
    trial.run(sys.executable, "-c", NAKED, *MATERIALIZE, vendor.config())
    return trial


@pytest.mark.parametrize("route", ROUTES)
def test_a_secret_stays_inside(masked: Trial, route: str) -> None:
    """A secret is in nothing that the programs wrote and said; Dagster alone keeps what a run was asked for."""
    kept = {"home/history/runs.db"} if ROUTES[route].place == "launchpad" else set()
    assert masked.places(canary(route)) <= kept


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_leads_outside(naked: Trial, route: str) -> None:
    """Were nothing masked, the secret would be found: the route is one, and the search sees it."""
    assert bool(naked.places(canary(route))) is ROUTES[route].leaks


BROKEN = {
    "token in the path of a DuckDB": ({"DUCKDB_PATH": "md:db?motherduck_token={secret}"}, "accepted: the path"),
    "unknown warehouse": ({"WAREHOUSE": "postgres://me:{secret}@db/raw"}, "accepted: duckdb, snowflake"),
    "passphrase of a key": (
        {"SNOWFLAKE_PRIVATE_KEY_PATH": "key.pem", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "{secret}"},
        "holds no private key that",
    ),
    "malformed secrets.toml": ({"TOML": '[sources.shop]\ntoken = "{secret}" "{secret}"\n'}, "secrets.toml"),
    "unquoted secrets.toml": ({"TOML": "[sources.shop]\ntoken = {secret}\n"}, "secrets.toml"),
    "definitions.py": ({"VENDOR_PASSWORD": "{secret}"}, "importing it failed: ValueError"),
    "working folder of a killed run": ({"SOURCES__SHOP__TOKEN": "{secret}"}, ""),
}  # fmt: skip
SHOP = """
import os
import signal

import dlt


def get_rows(token=dlt.secrets.value):
    yield [{"id": number} for number in range(150_000)]
    os.kill(os.getpid(), signal.SIGKILL)
"""
SNOWFLAKE = {"WAREHOUSE": "snowflake", "DEPLOYMENT": "dev"} | {f"SNOWFLAKE_{name}": "acme" for name in
             ("ACCOUNT", "USER", "DATABASE", "WAREHOUSE")}  # fmt: skip


def encrypted_key(password: str) -> bytes:
    """A private key that opens with `password`."""
    encryption = serialization.BestAvailableEncryption(password.encode())
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize("route", BROKEN)
def test_what_cannot_run_keeps_its_secrets(location: Location, route: str) -> None:
    """Neither a warehouse, a file nor a source that cannot be used gives its secret away."""
    settings, told = BROKEN[route]
    trial = Trial(location, {name: text.replace("{secret}", canary(route)) for name, text in settings.items()})
    location.add("shop", data=SHOP)
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    if route == "definitions.py":
        location.write("dlthub/shop/definitions.py", "import os\nraise ValueError(os.environ['VENDOR_PASSWORD'])\n")
    if route == "passphrase of a key":
        trial.settings |= SNOWFLAKE
        location.write("key.pem", encrypted_key("another"))
    location.write(".dlt/secrets.toml", trial.settings.pop("TOML", ""))
    done = trial.run("foundation", "run")
    assert told in " ".join(trial.said[0].split())
    assert done.returncode == (-signal.SIGKILL if "killed" in route else 1)
    assert trial.places(canary(route)) == set()


def test_what_holds_rows_is_private(location: Location) -> None:
    """With a umask of 0 no other user reads the rows of a killed run, nor after somebody opened the folder to all."""
    trial = Trial(location, {"SOURCES__SHOP__TOKEN": "unused"})
    location.add("shop", data=SHOP)
    for _ in range(2):
        trial.run("sh", "-c", "umask 0; exec foundation run")
        [folder] = (location.root / "data" / "pipelines").iterdir()
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert any(file.name.startswith("shop.") for file in files), "nothing was extracted"
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
    [lines] = folder.glob("*.jsonl")
    assert lines.stat().st_mode & 0o777 == 0o600


LISTENER = """
import sys


def listen(event, arguments):
    asked = event in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname")
    if asked or (event == "open" and ".anonymous_id" in str(arguments[0])):
        with open("calls.txt", "a") as calls:
            print(event, arguments[:2], file=calls)
    if asked:
        raise OSError("nobody is called from here")


sys.addaudithook(listen)
"""


TALKATIVE = """
import dlt

dlt.pipeline("own", "own", destination=dlt.destinations.duckdb("own.duckdb")).run([{"id": 1}], table_name="own")


def get_rows():
    yield [{"id": 1}]
"""


@pytest.mark.parametrize(
    ("data", "settings", "heard"),
    [
        (ROWS, {}, set()),
        (TALKATIVE, {}, {"open"}),
        (TALKATIVE, {"RUNTIME__DLTHUB_TELEMETRY": "true"}, {"open", "socket.getaddrinfo"}),
    ],
    ids=["our pipelines", "a source's own pipeline", "telemetry is asked for"],
)
def test_nobody_is_called(location: Location, data: str, settings: dict[str, str], heard: set[str]) -> None:
    """No program calls home, though no config.toml forbids it; nor does ours make up an identity, as dlt's own does."""
    location.add("shop", data=data)
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    calls = location.write("calls.txt", "")
    location.write("listener/sitecustomize.py", LISTENER)
    trial = Trial(location, {"PYTHONPATH": "listener", **settings})
    for command in (("foundation", "run"), (sys.executable, *MATERIALIZE, "{}")):
        assert trial.run(*command).returncode == 0, trial.said[-1]
    assert {line.split()[0] for line in calls.read_text().splitlines()} == heard
    assert not (location.root / "nobody").exists()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("SNOWFLAKE_PASSWORD", True),
        ("SOURCES__GITHUB__ACCESS_TOKEN", True),
        ("apiKey", True),
        ("X-Api-Key", True),
        ("client_secret", True),
        ("DB_PWD", True),
        ("DESTINATION__POSTGRES__CREDENTIALS__PLAIN", True),
        ("DESTINATION__POSTGRES__CREDENTIALS__HOST", False),
        ("SNOWFLAKE_PRIVATE_KEY_PATH", False),
        ("SSH_AUTH_SOCK", False),
        ("PWD", False),
        ("primary_key", False),
        ("SOURCES__TOKEN_MARKET__PAGE_SIZE", False),
        ("keyboard", False),
        ("author", False),
        ("monkey", False),
    ],
)
def test_a_name_tells_a_secret(name: str, *, secret: bool) -> None:
    """Words such as password, token or key make a name that of a secret; a path, a host or a column's name is none."""
    assert is_secret(name) is secret


@pytest.mark.parametrize("value", ["", "short", "password", "Secret", "1234567"])
def test_what_stands_everywhere_stays(value: str) -> None:
    """A value that is short, a common word or a small number is left alone, so that messages stay readable."""
    remember([value])
    text = f"raw.orders: {value} rows of password, secret and 1234567"
    assert redact(text) == text


def test_the_longest_secret_goes_first() -> None:
    """One secret inside of another leaves nothing of either."""
    remember(["inner-part", "outer-inner-part-outer"])
    assert redact("got outer-inner-part-outer and inner-part.") == f"got {MASK} and {MASK}."


def test_a_warehouse_shows_no_settings() -> None:
    """The repr of a warehouse, which tracebacks and debuggers show, has none of its settings."""
    assert "canary" not in repr(SnowflakeWarehouse(Path("work"), {"SNOWFLAKE_PASSWORD": "canary"}))
