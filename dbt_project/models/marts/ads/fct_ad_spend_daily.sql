{%- set reporting_currency = var('reporting_currency') -%}

with spend as (
    {% for platform, model in [
        ('facebook_ads', 'stg_facebook_ads__insights'), ('google_ads', 'stg_google_ads__campaign_metrics')
    ] -%}
    select
        '{{ platform }}' as platform,
        spend_date,
        account_id,
        campaign_id,
        currency,
        cast(sum(spend) as decimal(38, 6)) as spend,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        sum(conversions) as conversions
    from {{ ref(model) }}
    group by spend_date, account_id, campaign_id, currency
    {{ 'union all' if not loop.last }}
    {% endfor -%}
)

select
    spend.spend_date,
    spend.platform || ':' || spend.campaign_id as campaign_key,
    spend.platform,
    spend.account_id,
    spend.campaign_id,
    spend.currency,
    spend.spend,
    '{{ reporting_currency }}' as reporting_currency,
    case
        when spend.currency = '{{ reporting_currency }}' then spend.spend
        else cast(spend.spend * rates.rate as decimal(38, 6))
    end as reporting_spend,
    rates.published_on as rate_published_on,
    spend.impressions,
    spend.clicks,
    spend.conversions
from spend
left join {{ ref('conversion_rates') }} as rates
    on spend.spend_date = rates.rate_date
    and spend.currency = rates.currency
    and spend.currency <> '{{ reporting_currency }}'
