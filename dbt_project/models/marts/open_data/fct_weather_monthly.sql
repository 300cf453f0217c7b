with observations as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'weather_date') }} as date) as weather_month
    from {{ ref('stg_open_data__weather') }}
)

select
    location,
    weather_month,
    count(*) as days,
    count(case when observations.precipitation_mm > 0 then 1 end) as wet_days,
    {{ round_to('sum(observations.precipitation_mm)', 1) }} as precipitation_mm,
    max(observations.temperature_max_c) as temperature_max_c,
    min(observations.temperature_min_c) as temperature_min_c,
    {{ round_to('avg((observations.temperature_max_c + observations.temperature_min_c) / 2)', 2) }} as temperature_mean_c,
    {{ round_to('avg(observations.wind_mps)', 2) }} as wind_mean_mps
from observations
group by location, weather_month
