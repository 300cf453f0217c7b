select
    date as spend_date,
    customer_id as account_id,
    campaign_id,
    ad_group_id,
    {{ google_ads_numbers() }}
from {{ source('raw', 'google_ads_ad_group_metrics') }}
