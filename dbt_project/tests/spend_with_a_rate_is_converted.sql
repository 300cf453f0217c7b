{#- Where the day has a rate of both currencies, the spend of the day is converted. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fct_ad_spend_daily'}}}) }}

with quoted as (
    select rate_date, currency from {{ ref('fct_exchange_rate_daily') }}
    union
    select rate_date, base_currency from {{ ref('fct_exchange_rate_daily') }}
)

select spend.spend_date, spend.campaign_key, spend.currency
from {{ ref('fct_ad_spend_daily') }} as spend
inner join quoted on spend.spend_date = quoted.rate_date and spend.currency = quoted.currency
inner join quoted as reporting
    on spend.spend_date = reporting.rate_date and spend.reporting_currency = reporting.currency
where spend.reporting_spend is null
