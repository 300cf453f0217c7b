select
    campaigns.id as campaign_id,
    campaigns.name as campaign_name,
    campaigns.account_id,
    accounts.name as account_name,
    lower(campaigns.effective_status) as status,
    lower(campaigns.objective) as channel,
    cast({{ to_utc('campaigns.start_time') }} as date) as started_on
from {{ source('raw', 'facebook_ads_campaigns') }} as campaigns
left join {{ source('raw', 'facebook_ads_accounts') }} as accounts on campaigns.account_id = accounts.account_id
