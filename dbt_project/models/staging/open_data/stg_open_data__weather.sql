select
    date as weather_date,
    location,
    precipitation as precipitation_mm,
    temp_max as temperature_max_c,
    temp_min as temperature_min_c,
    wind as wind_mps,
    weather as conditions
from {{ source('raw', 'weather') }}
