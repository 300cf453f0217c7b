select
    ad_group_id,
    criterion_id,
    keyword,
    lower(match_type) as match_type,
    campaign_id,
    customer_id as account_id,
    lower(status) as status,
    is_negative,
    quality_score
from {{ source('raw', 'google_ads_keywords') }}
