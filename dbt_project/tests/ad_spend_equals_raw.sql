{#- Per platform and currency the mart has what the platforms said, no row lost and none counted twice. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_spend_daily'}}}) }}

with said as (
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
    coalesce(said.platform, counted.platform) as platform,
    coalesce(said.currency, counted.currency) as currency,
    said.spend as spend_said,
    counted.spend as spend_counted
from said
full outer join counted on said.platform = counted.platform and said.currency = counted.currency
where said.spend is distinct from counted.spend
    or said.impressions is distinct from counted.impressions
    or said.clicks is distinct from counted.clicks
