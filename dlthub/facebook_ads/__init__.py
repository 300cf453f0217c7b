"""Campaigns, ad sets, ads, creatives, leads and daily insights of Facebook and Instagram ads.

Purpose: what advertising costs and what it brings, by day, ad and placement.
Owner: team:marketing-data.
Origin: Meta's Marketing API (https://developers.facebook.com/docs/marketing-api), which needs a token with `ads_read`,
and `leads_retrieval` for leads; docs/how-to/facebook-ads.md explains how to get one.

    graph.facebook.com/{version}/act_{account}/{edge}     ┐
    graph.facebook.com/{version}/{ad or form}/leads       ├-> data.py -> raw.facebook_ads_* -> dbt
    graph.facebook.com/{version}/{report}/insights        ┘
"""

VERSION = "v26.0"
"""Default version of the Marketing API; Meta retires a version about a year after its release."""

FIELDS = {
    "accounts": "account_id,name,account_status,currency,timezone_name,timezone_offset_hours_utc,"
    "business_country_code,amount_spent,balance,created_time",
    "campaigns": "account_id,name,objective,status,effective_status,buying_type,bid_strategy,daily_budget,"
    "lifetime_budget,special_ad_categories,created_time,updated_time,start_time,stop_time",
    "ad_sets": "account_id,campaign_id,name,status,effective_status,billing_event,optimization_goal,bid_strategy,"
    "daily_budget,lifetime_budget,attribution_spec,targeting,created_time,updated_time,start_time,end_time",
    "ads": "account_id,campaign_id,adset_id,name,status,effective_status,creative{id},created_time,updated_time",
    "ad_creatives": "account_id,name,title,body,status,object_type,call_to_action_type,link_url,thumbnail_url,"
    "effective_object_story_id",
    "ad_leads": "created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,is_organic,platform,"
    "field_data",
    "insights": "account_id,account_name,account_currency,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,"
    "objective,impressions,reach,clicks,spend,actions,action_values",
}
"""Fields to request of each kind; without them Meta returns little more than the id."""

EDGES = {"campaigns": "campaigns", "ad_sets": "adsets", "ads": "ads", "ad_creatives": "adcreatives"}
"""Where an account lists them."""

LIVE = ("ACTIVE", "PAUSED", "IN_PROCESS", "WITH_ISSUES")
REVIEW = ("PENDING_REVIEW", "PENDING_BILLING_INFO", "PREAPPROVED", "DISAPPROVED")
STATUSES = {
    "campaigns": (*LIVE, "ARCHIVED"),
    "adsets": (*LIVE, "ARCHIVED", "CAMPAIGN_PAUSED"),
    "ads": (*LIVE, "ARCHIVED", "CAMPAIGN_PAUSED", "ADSET_PAUSED", *REVIEW),
}
"""Statuses to request in lists: by default Meta omits archived objects, which reports still refer to."""

LEAD_OBJECTIVES = frozenset({"OUTCOME_LEADS", "LEAD_GENERATION"})
PERSONAL_ANSWERS = ("email", "phone_number", "full_name", "first_name", "last_name")
"""Answers of a lead that get a column each; the others are one column of JSON."""
