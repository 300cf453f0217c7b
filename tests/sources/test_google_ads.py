"""Tests of the source google_ads, on the sandbox's Google Ads: rows, credentials and faults."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_foundation.process_wide.redaction import redact
from dlthub.google_ads.data import TABLES, get_rows
from dlthub.google_ads.queries import CHANGES, CUSTOMERS, DAILY, ENTITIES
from sandbox.environment import TOKENS
from sandbox.google_ads_errors import FAULTS, exhausted, streamed
from sandbox.models.google_ads import ACCOUNTS
from tests.sources.google_ads import (
    CLOSED,
    FOLDER,
    GROUP,
    HIDDEN,
    JP,
    LARGE,
    NL,
    PARTNERS,
    READABLE,
    UK,
    US,
    Ads,
    Reading,
)
from tests.support.rest_server import Answer, ReceivedRequest, serve
from tests.support.virtual_clock import VirtualClock

Arm = Callable[..., None]

USER = ("client_id", "client_secret", "refresh_token")
"""The settings of a user's credentials."""


@pytest.fixture(autouse=True)
def no_default_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine outside Google's cloud, without default credentials."""
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setattr("google.auth.compute_engine._metadata._NO_GCE_CHECK", True)


@pytest.fixture
def ads(sandbox_url: str, tmp_path: Path) -> Ads:
    """The source, reading from the sandbox."""
    return Ads(sandbox_url, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reading]:
    """A function that returns the reading of a table without faults."""
    ads, known = Ads(sandbox_url, tmp_path_factory.mktemp("undisturbed")), dict[str, Reading]()
    return lambda table: known[table] if table in known else known.setdefault(table, ads.read(table))


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described(table: str) -> None:
    """sources.yaml has a type and a description for each column of the table's query, and for no other column."""
    resources = yaml.safe_load((FOLDER / "sources.yaml").read_text())["resources"]
    (resource_settings,) = (resource for resource in resources if resource["args"] == [table])
    query = {**ENTITIES, **DAILY, "changes": CHANGES, "customers": CUSTOMERS[0]}[table]
    more = {"customers": {"manager_id"}}.get(table, {"is_gone"} if table in DAILY else set())
    assert resource_settings["columns"].keys() == query.columns.keys() | more
    assert all(column.keys() >= {"data_type", "description"} for column in resource_settings["columns"].values())


@pytest.mark.parametrize("table", TABLES)
def test_rows_have_the_values_of_google(undisturbed: Callable[[str], Reading], table: str) -> None:
    """Each table has rows of every enabled account, with values as Google writes them."""
    reading = undisturbed(table)
    assert reading.error is None
    assert (reading.failed_parts, reading.warnings) == ({}, [])
    if table != "customers":
        assert reading.accounts == READABLE
    assert all(value is None or isinstance(value, str | float | int | bool | list | dict)
               for row in reading.rows for value in row.values())  # fmt: skip


def test_micros_stay_micros_and_lists_stay_lists(ads: Ads) -> None:
    """An amount in micros is an integer as text; a missing value is None."""
    (first, *_), rows = ads.read("campaign_metrics").rows, ads.read("campaigns").rows
    assert first["cost_micros"].isdigit()
    assert {row["end_date_time"] for row in rows} == {None, "2026-12-30 23:59:59"}
    assert [type(row["final_urls"]) for row in ads.read("ads").rows[:1]] == [list]


def test_only_keywords_are_read_from_criteria(ads: Ads) -> None:
    """Other criteria of an ad group are left out."""
    assert {row["criterion_id"] for row in ads.read("keywords").rows} <= {"7000", "7001", "7002", "7003", "7004"}


def test_managers_are_walked_to_their_clients(ads: Ads) -> None:
    """Clients of nested managers are read too; managers and closed accounts are listed but not queried."""
    found = {row["customer_id"]: (row["status"], row["is_manager"], row["level"]) for row in ads.read("customers").rows}
    assert set(found) == {str(number) for number in ACCOUNTS} - {PARTNERS, UK, CLOSED, LARGE}
    assert found[JP] == ("ENABLED", False, "2")
    assert found["1000000013"] == ("CANCELED", False, "1")
    assert found[GROUP] == ("ENABLED", True, "0")
    assert HIDDEN in ads.read("campaigns").accounts


def test_several_managers_and_accounts_are_read_each_once(ads: Ads) -> None:
    """An account below several managers has its rows once; an account that is no manager can be listed too."""
    reading = ads.read("campaigns", customer_ids=f"{GROUP}, 100-000-0001,{LARGE}", login_customer_id=None)
    assert reading.accounts == [*READABLE, LARGE]
    assert Counter(row["campaign_id"] for row in reading.rows).most_common(1)[0][1] == 1
    (alone,) = ads.read("customers", customer_ids=LARGE).rows
    assert (alone["customer_id"], alone["manager_id"], alone["is_manager"]) == (LARGE, LARGE, False)


def test_login_customer_id_reads_a_single_client(ads: Ads) -> None:
    """With login_customer_id, a single client of a manager is read."""
    assert ads.read("campaigns", customer_ids=NL, login_customer_id=GROUP).accounts == [NL]
    refused = ads.read("campaigns", customer_ids=NL)
    assert "USER_PERMISSION_DENIED" in str(refused.error)
    assert "login_customer_id" in str(refused.error)


def test_an_account_without_permission_does_not_stop_the_others(ads: Ads) -> None:
    """The manager's other clients are loaded, and the account is reported with Google's reason."""
    reading = ads.read("campaigns", customer_ids=f"{PARTNERS},{GROUP}")
    assert reading.error is None
    assert reading.accounts == [UK, *READABLE]
    assert list(reading.failed_parts) == [CLOSED]
    assert "USER_PERMISSION_DENIED" in reading.failed_parts[CLOSED]


def test_an_account_that_is_closed_is_an_error(ads: Ads, undisturbed: Callable[[str], Reading]) -> None:
    """An account that is closed gives an error, not an empty table."""
    assert undisturbed("campaigns").warnings == []
    reading = ads.read("campaigns", customer_ids="1000000013", login_customer_id=GROUP)
    assert "CUSTOMER_NOT_ENABLED" in str(reading.error)


def test_extra_fields_become_columns(ads: Ads) -> None:
    """`extra` adds a column; a column that exists already is refused."""
    extra = {"serving": "campaign.serving_status"}
    assert {row["serving"] for row in ads.read("campaigns", {"extra": extra}).rows} == {"SERVING", "SUSPENDED"}
    taken = ads.read("campaigns", {"extra": {"status": "campaign.serving_status"}})
    assert "status is there already" in str(taken.error)
    wrong = ads.read("campaigns", {"extra": {"servign": "campaign.servign_status"}})
    assert "UNRECOGNIZED_FIELD: Unrecognized field in the query: 'campaign.servign_status'" in str(wrong.error)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"customer_ids": "123-456"}, "got 123456; accepted: ten digits"),
        ({"refresh_token": None}, "accepted: SOURCES__GOOGLE_ADS__CLIENT_ID"),
        (dict.fromkeys(USER), "Google's default credentials"),
        ({"refresh_token": "revoked"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "not those of one OAuth client"),
        ({"service_account": "/path/to/key.json"}, "the text of the JSON key file"),
        ({"service_account": '{"client_email": "a@b.example", "private_key": "x"}'}, "no RSA key in PEM"),
        ({"api_version": "v22"}, "SOURCES__GOOGLE_ADS__API_VERSION"),
        ({"api_version": "v99"}, "has no version 'v99'"),
    ],
    ids=["id", "incomplete", "no-credentials", "revoked", "client", "key-path", "key", "sunset", "unknown-version"],
)
def test_a_wrong_setting_is_refused_at_once(ads: Ads, settings: dict[str, Any], message: str) -> None:
    """The error explains what is wrong and what to do; there is no retry, and no secret in the message."""
    reading = ads.read("campaigns", **settings)
    assert message in str(reading.error)
    assert (reading.rows, ads.clock.slept) == ([], [])
    assert TOKENS["google_ads_client"] not in str(reading.error)


def test_an_unknown_table_is_refused() -> None:
    """An unknown table is refused with a list of the tables."""
    with pytest.raises(ValueError, match="accepted: customers, campaigns, ad_groups"):
        get_rows("campaing")


@pytest.fixture(scope="module")
def service_account(sandbox_url: str) -> str:
    """The text of a service account's key file, as Google's console creates it."""
    key = rsa.generate_private_key(65537, 2048)
    kept = serialization.Encoding.PEM
    public = key.public_key().public_bytes(kept, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(kept, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    email = "loader@project.sandbox.example"
    known = {"email": email, "public_key": public}
    requests.post(f"{sandbox_url}/google_ads/service_accounts", json=known, timeout=10).raise_for_status()
    resource_settings = {
        "type": "service_account",
        "client_email": email,
        "private_key_id": "1",
        "private_key": private,
    }
    return json.dumps(resource_settings)


def test_a_service_account_reads_without_a_user(ads: Ads, service_account: str) -> None:
    """A service account needs no OAuth client and no refresh token."""
    assert ads.read("campaigns", service_account=service_account, **dict.fromkeys(USER)).accounts == READABLE


def test_the_file_of_default_credentials_reads(
    ads: Ads, service_account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without settings, the file that GOOGLE_APPLICATION_CREDENTIALS names is used: here a service account's key."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps(json.loads(service_account) | {"token_uri": f"{ads.url}/google_ads/token"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert ads.read("campaigns", **dict.fromkeys(USER)).accounts == READABLE


@pytest.mark.parametrize("limit", ["uses=2", "seconds=0"])
def test_a_token_that_expires_is_renewed(ads: Ads, undisturbed: Callable[[str], Reading], limit: str) -> None:
    """If a token expires during the reading, the rows are the same and there is no wait."""
    reading = ads.read("campaign_metrics", refresh_token=f"{TOKENS['google_ads']};{limit}")
    # A token with a lifetime of zero seconds is never valid: the second refusal is an error.
    if limit == "seconds=0":
        assert "OAUTH_TOKEN_EXPIRED" in str(reading.error)
    else:
        assert reading.rows == undisturbed("campaign_metrics").rows
    assert ads.clock.slept == []


SITES = {
    "token": "/google_ads/token",
    "manager": f"/google_ads/v25/customers/{GROUP}/",
    "account": f"/google_ads/v25/customers/{US}/",
}
TEMPORARY = ("429", "500", "503", "reset", "slow", "truncated", "html", "repeated", "self_next")
TEMPORARY_OF_THE_API = (
    "quota",
    "quota_for_a_moment",
    "token_expired",
    "transient",
    "internal",
    "broken_stream",
    "expired",
)
PERMANENT = {
    "quota_of_the_day": "RESOURCE_EXHAUSTED",
    "token_revoked": "invalid_grant",
    "denied": "USER_PERMISSION_DENIED",
    "not_enabled": "CUSTOMER_NOT_ENABLED",
    "sunset": "UNSUPPORTED_VERSION",
}
AFFECTS_ALL_ACCOUNTS = {"quota_of_the_day", "token_revoked", "sunset"}
AT_THE_TOKEN = {
    **dict.fromkeys(TEMPORARY_OF_THE_API, ""),
    "expired": "401",
    "token_expired": "401",
    "broken_stream": "gave no access token",
    "denied": "403",
    "not_enabled": "403",
    "sunset": "400",
    "quota_of_the_day": "429",
    "token_revoked": "invalid_grant",
}
"""The error at the token endpoint for each fault of the API; "" if the request is retried."""


def test_every_fault_is_in_the_table() -> None:
    """A fault that is added to the sandbox must be added here too."""
    assert {*TEMPORARY, *TEMPORARY_OF_THE_API, *PERMANENT} == {*TEMPORARY, "expired", *FAULTS}


CALLS = [
    pytest.param(("campaigns", "token"), id="token"),
    pytest.param(("campaigns", "manager"), id="manager"),
    *(pytest.param((table, "account"), id=table) for table in ("campaigns", "campaign_metrics", "changes")),
]
"""Every call of the source: the table that is read, and the site of the fault."""


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", [*TEMPORARY, *TEMPORARY_OF_THE_API])
def test_a_temporary_fault_changes_nothing(
    ads: Ads, undisturbed: Callable[[str], Reading], arm_fault: Arm, fault: str, call: tuple[str, str]
) -> None:
    """At every call, the rows are those of an undisturbed run, or, at the token endpoint, there is a clear error."""
    table, site = call
    expected = undisturbed(table).rows
    arm_fault(SITES[site], fault, times=2 if fault in TEMPORARY else 1, seconds=0.02)
    reading = ads.read(table)
    if site == "token" and AT_THE_TOKEN.get(fault):
        assert AT_THE_TOKEN[fault] in str(reading.error)
        assert reading.rows == []
    else:
        assert reading.error is None
        assert reading.failed_parts == {}
        assert reading.rows == expected


@pytest.mark.parametrize("table", ["campaigns", "campaign_metrics", "changes"])
@pytest.mark.parametrize("fault", PERMANENT)
def test_a_permanent_fault_of_an_account_changes_no_other_rows(
    ads: Ads, undisturbed: Callable[[str], Reading], arm_fault: Arm, fault: str, table: str
) -> None:
    """The account is reported with Google's reason; after a fault of all accounts the others are not queried."""
    expected = undisturbed(table).rows
    arm_fault(SITES["account"], fault)
    reading = ads.read(table)
    failed = [US, HIDDEN, JP] if fault in AFFECTS_ALL_ACCOUNTS else [US]
    assert reading.error is None
    assert list(reading.failed_parts) == failed
    assert PERMANENT[fault] in reading.failed_parts[US]
    assert reading.rows == [row for row in expected if row["customer_id"] not in failed]


@pytest.mark.parametrize("site", ["token", "manager"])
@pytest.mark.parametrize("fault", PERMANENT)
def test_a_permanent_fault_before_any_account_is_an_error(ads: Ads, arm_fault: Arm, fault: str, site: str) -> None:
    """If nothing can be read, the error has Google's reason and the wait that it requires."""
    arm_fault(SITES[site], fault)
    reading = ads.read("campaigns")
    assert reading.rows == []
    assert (AT_THE_TOKEN if site == "token" else PERMANENT)[fault] in str(reading.error)
    if fault == "quota_of_the_day" and site == "manager":
        assert "requires a wait of 40,591 s" in str(reading.error)
        assert ads.clock.slept == []


def test_rows_of_a_broken_stream_are_discarded(ads: Ads, arm_fault: Arm) -> None:
    """Rows that arrive before the stream's error are discarded, even after the last retry."""
    arm_fault(SITES["account"], "broken_stream")
    reading = ads.read("campaigns")
    assert "TRANSIENT_ERROR" in reading.failed_parts[US]
    assert all(row["campaign_name"] for row in reading.rows)
    assert reading.accounts == [NL, HIDDEN, JP]


def test_two_accounts_without_an_answer_stop_the_reading(ads: Ads, arm_fault: Arm) -> None:
    """After two accounts in a row without an answer, each with six attempts, the others are not queried."""
    for account in (US, HIDDEN):
        arm_fault(f"/google_ads/v25/customers/{account}/", "503")
    reading = ads.read("campaigns")
    assert reading.accounts == [NL]
    assert [reason.startswith("not queried") for reason in reading.failed_parts.values()] == [False, False, True]
    assert len(ads.clock.slept) == 2 * 5


def test_the_source_waits_as_long_as_google_requires(ads: Ads, arm_fault: Arm) -> None:
    """The source waits for the retryDelay of a refusal."""
    arm_fault(SITES["account"], "quota", times=1)
    assert ads.read("campaigns").error is None
    assert sum(ads.clock.slept) >= 1


def test_no_secret_is_written(ads: Ads, arm_fault: Arm, caplog: pytest.LogCaptureFixture) -> None:
    """No token and no client secret is in the log or in an error."""
    caplog.set_level(logging.DEBUG, "dlthub")
    arm_fault("/google_ads", "500", after=2)
    reading = ads.read("campaigns")
    resource_settings = f"{caplog.text} {reading.error} {reading.failed_parts}"
    assert "Internal error encountered" in resource_settings
    for secret in (TOKENS["google_ads"], TOKENS["google_ads_client"], "ya29."):
        assert secret not in resource_settings
    assert TOKENS["google_ads"] not in redact(f"Bearer {TOKENS['google_ads']}")


WINDOW, OPERATIONS = 100.0, 4


@pytest.fixture
def metered() -> Iterator[tuple[str, VirtualClock, list[float], list[float]]]:
    """A Google that grants four operations in any hundred seconds of a virtual clock; records grants and refusals."""
    clock, lock = VirtualClock(), threading.Lock()
    granted: list[float] = []
    refused: list[float] = []

    def answer(request: ReceivedRequest) -> Answer:
        if request.path.endswith("/token"):
            return Answer({"access_token": "ya29.metered", "expires_in": 10**9})
        with lock:
            within = [moment for moment in granted if moment > clock.now() - WINDOW]
            if len(within) >= OPERATIONS:
                refused.append(clock.now())
                message = streamed(exhausted(int(within[0] + WINDOW - clock.now()) + 1))
                return Answer(message.body, message.status)
            granted.append(clock.now())
        if "customer_client" in request.body["query"]:
            account = {"id": NL, "status": "ENABLED", "manager": False}
            return Answer([{"results": [{"customerClient": account}]}])
        return Answer([{"fieldMask": "campaign.id"}])

    with serve() as server:
        server.answer = answer
        yield server.url, clock, granted, refused


def test_quota_is_never_exceeded_over_an_hour(
    metered: tuple[str, VirtualClock, list[float], list[float]], tmp_path: Path
) -> None:
    """With four tables at a time, no window exceeds the quota, and after one refusal all tables wait."""
    url, clock, granted, refused = metered
    ads = Ads("", tmp_path, clock)
    settings = ads.settings(base_url=url, token_url=f"{url}/token")
    days = {"start": "2026-06-15", "end": "2026-10-01", "window_days": 3}
    # dlt resources must be created in one thread; they can be read in another.
    resources = [ads.resource("campaign_metrics", settings, **days) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(list, resources))
    assert len(granted) == 4 * (1 + 36)
    assert all(sum(moment - WINDOW < other <= moment for other in granted) <= OPERATIONS for moment in granted)
    assert clock.now() >= 3600
    assert len(refused) <= 4 + clock.now() / WINDOW
