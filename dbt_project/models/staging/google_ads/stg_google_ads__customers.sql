select
    customer_id as account_id,
    customer_name as account_name,
    currency_code as currency,
    time_zone,
    lower(status) as status,
    is_manager,
    is_test_account,
    manager_id
from {{ source('raw', 'google_ads_customers') }}
