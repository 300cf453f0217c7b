select
    date as spend_date,
    customer_id as account_id,
    campaign_id,
    ad_group_id,
    currency_code as currency,
    cast(cost_micros * 0.000001 as decimal(20, 6)) as spend,
    impressions,
    clicks,
    conversions,
    conversions_value
from {{ source('raw', 'google_ads_ad_group_metrics') }}
