"""What Google Ads costs and brings, by account, campaign, ad group and day.

Purpose: what is spent on Google where, and what comes of it.
Owner: team:data-platform.
Origin: the Google Ads API over REST, v25 (https://developers.google.com/google-ads/api/rest/overview). What to ask
Google for, what lands and what it costs in operations: docs/how-to/google-ads.md.

    oauth2.googleapis.com/token                                        -> access_token.py ┐
    googleads.googleapis.com/v25/customers/{id}/googleAds:searchStream -> search.py       ┴-> accounts.py, history.py,
        changes.py -> data.py -> raw.google_ads_* -> dbt
"""

VERSION = "v25"
"""Default version of the API; Google ends a version about a year after its release."""

RELOAD_DAYS = 30
"""How long conversions keep coming in for a click: Google's default, at most 90 days."""

WINDOW_DAYS = 92
"""Days of one request for daily numbers: a quarter."""

Row = dict[str, object]
Rows = list[Row]
