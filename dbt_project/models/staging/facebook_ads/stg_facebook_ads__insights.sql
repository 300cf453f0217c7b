with actions as (
    {{ child_table('facebook_ads_insights__actions',
                   {'_dlt_parent_id': 'varchar', 'action_type': 'varchar', 'value': 'varchar'}) }}
),

conversions as (
    select _dlt_parent_id, sum(cast(value as double precision)) as conversions
    from actions
    where action_type in ('{{ var("facebook_ads_conversions") | join("', '") }}')
    group by _dlt_parent_id
)

select
    insights.date_start as spend_date,
    insights.account_id,
    insights.campaign_id,
    insights.campaign_name,
    insights.adset_id as ad_set_id,
    insights.ad_id,
    insights.breakdown_key,
    insights.account_currency as currency,
    insights.spend,
    insights.impressions,
    insights.clicks,
    coalesce(conversions.conversions, 0) as conversions
from {{ source('raw', 'facebook_ads_insights') }} as insights
left join conversions on insights._dlt_id = conversions._dlt_parent_id
