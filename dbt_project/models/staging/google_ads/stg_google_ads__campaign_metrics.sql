select
    date as spend_date,
    customer_id as account_id,
    campaign_id,
    {{ google_ads_numbers() }}
from {{ source('raw', 'google_ads_campaign_metrics') }}
