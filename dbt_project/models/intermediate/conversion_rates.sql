with published as (
    select
        rate_date,
        currency,
        rate,
        published_on,
        lead(rate_date) over (partition by currency order by rate_date) as next_rate_date
    from {{ ref('fct_exchange_rate_daily') }}
    -- What the central bank prices everything in.
    where base_currency = 'EUR'
),

-- After the last publication a rate lasts as long as fct_exchange_rate_daily lets it last between two.
days as (
    select generated_number - 1 as days_later from ({{ dbt.generate_series(var('exchange_rate_days')) }}) as series
),

in_euro as (
    select
        cast({{ dbt.dateadd('day', 'days.days_later', 'published.rate_date') }} as date) as rate_date,
        published.currency,
        published.rate,
        published.published_on
    from published
    cross join days
    where days.days_later = 0 or published.next_rate_date is null
),

priced as (
    select * from in_euro
    union all
    select rate_date, 'EUR', cast(1 as double precision), max(published_on) from in_euro group by rate_date
)

select
    priced.rate_date,
    priced.currency,
    reporting.currency as reporting_currency,
    reporting.rate / priced.rate as rate,
    least(priced.published_on, reporting.published_on) as published_on
from priced
inner join priced as reporting
    on priced.rate_date = reporting.rate_date
    and reporting.currency = '{{ var("reporting_currency") }}'
