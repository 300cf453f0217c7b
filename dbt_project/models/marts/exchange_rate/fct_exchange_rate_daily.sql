with published as (
    select * from {{ ref('stg_exchange_rate__history') }}
    union all
    -- The history may be a day behind.
    select latest.*
    from {{ ref('stg_exchange_rate__latest') }} as latest
    left join {{ ref('stg_exchange_rate__history') }} as history
        on latest.rate_date = history.rate_date
        and latest.base_currency = history.base_currency
        and latest.currency = history.currency
    where history.rate_date is null
),

in_order as (
    select
        *,
        lag(rate) over (partition by base_currency, currency order by rate_date) as previous_rate,
        lead(rate_date) over (partition by base_currency, currency order by rate_date) as next_rate_date
    from published
),

days as (
    select generated_number - 1 as days_old from ({{ dbt.generate_series(var('exchange_rate_days')) }}) as series
),

filled as (
    select
        cast({{ dbt.dateadd('day', 'days.days_old', 'in_order.rate_date') }} as date) as rate_date,
        in_order.base_currency,
        in_order.currency,
        in_order.rate,
        in_order.rate_date as published_on,
        days.days_old,
        case when days.days_old = 0 then in_order.rate / in_order.previous_rate - 1 end as change_ratio,
        in_order.next_rate_date
    from in_order
    cross join days
)

select
    rate_date,
    base_currency,
    currency,
    rate,
    change_ratio,
    published_on,
    days_old > 0 as is_carried_forward
from filled
where days_old = 0 or rate_date < next_rate_date
