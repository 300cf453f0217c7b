{#- Per platform and currency the mart has the same figures as the raw tables: no row is lost or counted twice. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_spend_daily'}}}) }}

with reported as (
    select
        'facebook_ads' as platform,
        account_currency as currency,
        cast(sum(spend) as decimal(38, 6)) as spend,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from {{ source('raw', 'facebook_ads_insights') }}
    group by account_currency
    union all
    select
        'google_ads',
        currency_code,
        cast(sum(cost_micros) * 0.000001 as decimal(38, 6)),
        sum(impressions),
        sum(clicks)
    from {{ source('raw', 'google_ads_campaign_metrics') }}
    group by currency_code
),

counted as (
    select
        platform,
        currency,
        cast(sum(spend) as decimal(38, 6)) as spend,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from {{ ref('fct_ad_spend_daily') }}
    group by platform, currency
)

select
    coalesce(reported.platform, counted.platform) as platform,
    coalesce(reported.currency, counted.currency) as currency,
    reported.spend as spend_reported,
    counted.spend as spend_counted
from reported
full outer join counted on reported.platform = counted.platform and reported.currency = counted.currency
where reported.spend is distinct from counted.spend
    or reported.impressions is distinct from counted.impressions
    or reported.clicks is distinct from counted.clicks
