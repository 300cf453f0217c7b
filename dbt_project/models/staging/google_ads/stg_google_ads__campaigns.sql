select
    campaign_id,
    campaign_name,
    customer_id as account_id,
    customer_name as account_name,
    lower(status) as status,
    lower(advertising_channel_type) as channel,
    cast(left(start_date_time, 10) as date) as started_on,
    cast(left(end_date_time, 10) as date) as ends_on,
    cast(budget_micros * 0.000001 as decimal(20, 6)) as budget,
    currency_code as currency
from {{ source('raw', 'google_ads_campaigns') }}
