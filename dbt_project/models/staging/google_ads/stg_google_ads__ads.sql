select
    ad_id,
    ad_name,
    ad_group_id,
    campaign_id,
    customer_id as account_id,
    lower(status) as status,
    lower(type) as ad_type,
    lower(ad_strength) as ad_strength,
    lower(approval_status) as approval_status
from {{ source('raw', 'google_ads_ads') }}
