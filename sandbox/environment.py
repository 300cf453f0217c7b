"""The settings that make every source read from the sandbox instead of its vendor."""

TOKENS = {
    "github": "sandbox-github-token",
    "socrata": "sandbox-app-token",
    "facebook": "sandbox-facebook-token",
    "facebook_ads": "sandbox-facebook-ads-token",
    "reddit": "sandbox-reddit-token",
    "x": "sandbox-x-token",
    "apify": "sandbox-scraper-token",
    "google_ads": "sandbox-refresh-token",
    "google_ads_client": "sandbox-client-secret",
}
"""The token that each vendor of the sandbox accepts."""

GOOGLE_ADS = {"client_id": "sandbox-client.apps.example", "manager": "1000000001", "today": "2026-10-31"}
"""The OAuth client, the manager account, and the date that the sandbox's Google Ads has as today."""


def settings(url: str) -> dict[str, str]:
    """Return the environment variables that make every source read from the sandbox.

    Args:
        url: The sandbox's URL, for example `http://127.0.0.1:8099`.

    Returns:
        `SOURCES__<FOLDER>__<ARGUMENT>` variables: base URLs, dataset ids and tokens.
    """
    return {
        "SOURCES__EXCHANGE_RATE__BASE_URL": f"{url}/frankfurter/v1",
        "SOURCES__GITHUB__BASE_URL": f"{url}/github",
        "SOURCES__GITHUB__ACCESS_TOKEN": TOKENS["github"],
        "SOURCES__OPEN_DATA__BASE_URL": f"{url}/socrata",
        "SOURCES__OPEN_DATA__AIRPORTS_DATASET": "airp-0001",
        "SOURCES__OPEN_DATA__WEATHER_DATASET": "wthr-0001",
        "SOURCES__OPEN_DATA__APP_TOKEN": TOKENS["socrata"],
        "SOURCES__FACEBOOK_ADS__BASE_URL": f"{url}/facebook_ads",
        "SOURCES__FACEBOOK_ADS__ACCESS_TOKEN": TOKENS["facebook_ads"],
        "SOURCES__FACEBOOK_ADS__POLL_SECONDS": "0.01",
        "SOURCES__MENTIONS__FACEBOOK_BASE_URL": f"{url}/facebook",
        "SOURCES__MENTIONS__FACEBOOK_PAGE": "duckyards",
        "SOURCES__MENTIONS__FACEBOOK_TOKEN": TOKENS["facebook"],
        "SOURCES__MENTIONS__REDDIT_BASE_URL": f"{url}/reddit",
        "SOURCES__MENTIONS__REDDIT_TOKEN": TOKENS["reddit"],
        "SOURCES__MENTIONS__X_BASE_URL": f"{url}/x",
        "SOURCES__MENTIONS__X_TOKEN": TOKENS["x"],
        "SOURCES__MENTIONS__SCRAPER_BASE_URL": f"{url}/apify",
        "SOURCES__MENTIONS__SCRAPER_TOKEN": TOKENS["apify"],
        "SOURCES__MENTIONS__FACEBOOK_DATASET": "facebook-posts",
        "SOURCES__MENTIONS__REDDIT_DATASET": "reddit-posts",
        "SOURCES__MENTIONS__X_DATASET": "x-posts",
        "SOURCES__GOOGLE_ADS__BASE_URL": f"{url}/google_ads",
        "SOURCES__GOOGLE_ADS__TOKEN_URL": f"{url}/google_ads/token",
        "SOURCES__GOOGLE_ADS__CLIENT_ID": GOOGLE_ADS["client_id"],
        "SOURCES__GOOGLE_ADS__CLIENT_SECRET": TOKENS["google_ads_client"],
        "SOURCES__GOOGLE_ADS__REFRESH_TOKEN": TOKENS["google_ads"],
        "SOURCES__GOOGLE_ADS__CUSTOMER_IDS": GOOGLE_ADS["manager"],
        "SOURCES__GOOGLE_ADS__TODAY": GOOGLE_ADS["today"],
    }
