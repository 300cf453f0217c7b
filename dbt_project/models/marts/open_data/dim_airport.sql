select
    airport_code,
    airport_name,
    coalesce(city || ', ' || state, city, country) as place,
    city,
    state,
    country,
    latitude,
    longitude
from {{ ref('stg_open_data__airports') }}
