select
    ad_group_id,
    ad_group_name,
    campaign_id,
    customer_id as account_id,
    lower(status) as status,
    lower(type) as ad_group_type,
    cast(cpc_bid_micros * 0.000001 as decimal(20, 6)) as bid,
    currency_code as currency
from {{ source('raw', 'google_ads_ad_groups') }}
