{#- Filling the days between leaves what was published as it is. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fct_exchange_rate_daily'}}}) }}

select published.*, daily.rate as rate_daily
from {{ ref('stg_exchange_rate__history') }} as published
left join {{ ref('fct_exchange_rate_daily') }} as daily
    on published.rate_date = daily.rate_date
    and published.base_currency = daily.base_currency
    and published.currency = daily.currency
where daily.rate is null or daily.rate <> published.rate or daily.is_carried_forward
