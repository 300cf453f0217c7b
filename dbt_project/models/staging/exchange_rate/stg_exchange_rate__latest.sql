select
    date as rate_date,
    base as base_currency,
    currency,
    rate
from {{ source('raw', 'exchange_rate') }}
