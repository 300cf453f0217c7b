select
    date as spend_date,
    customer_id as account_id,
    campaign_id,
    ad_group_id,
    search_term,
    lower(match_type) as match_type,
    {{ google_ads_numbers() }}
from {{ source('raw', 'google_ads_search_terms') }}
