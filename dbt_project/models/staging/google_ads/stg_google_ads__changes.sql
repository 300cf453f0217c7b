select
    resource_name as change_name,
    customer_id as account_id,
    cast(change_date_time as timestamp) as changed_at,
    lower(change_resource_type) as changed_type,
    change_resource_name as changed_name,
    lower(resource_change_operation) as operation,
    changed_fields,
    user_email as changed_by,
    lower(client_type) as changed_with
from {{ source('raw', 'google_ads_changes') }}
