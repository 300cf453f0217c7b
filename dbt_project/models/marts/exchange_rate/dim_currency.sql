with rates as (
    select * from {{ ref('fct_exchange_rate_daily') }}
),

currencies as (
    select currency, rate_date, published_on from rates
    union all
    select base_currency, rate_date, published_on from rates
),

published as (
    select max(published_on) as last_published_on from rates
)

select
    currencies.currency,
    min(currencies.rate_date) as first_rate_date,
    max(currencies.published_on) as last_rate_date,
    max(currencies.published_on) = max(published.last_published_on) as is_quoted
from currencies
cross join published
group by currencies.currency
