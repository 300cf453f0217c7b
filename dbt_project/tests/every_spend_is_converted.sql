{#- A row here is a currency without rates, or days before the first rate or long after the last. Nothing is lost:
    `spend` has it, and so has `reporting_spend` once the rates are loaded. -#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_ad_spend_daily'}}}) }}

select
    currency,
    min(spend_date) as first_day,
    max(spend_date) as last_day,
    sum(spend) as spend
from {{ ref('fct_ad_spend_daily') }}
where reporting_spend is null
group by currency
