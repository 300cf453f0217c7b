with listed as (
    {% for platform in ['facebook_ads', 'google_ads'] -%}
    select
        '{{ platform }}' as platform, campaign_id, campaign_name, account_id, account_name, status, channel, started_on
    from {{ ref('stg_' ~ platform ~ '__campaigns') }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- What numbers were delivered for, listed or not.
delivered as (
    select
        platform,
        campaign_id,
        max(account_id) as account_id,
        min(case when spend > 0 then spend_date end) as first_spend_on,
        max(case when spend > 0 then spend_date end) as last_spend_on
    from {{ ref('fct_ad_spend_daily') }}
    group by platform, campaign_id
),

-- Facebook sends the campaign's name with every row of insights.
names as (
    select
        'facebook_ads' as platform,
        campaign_id,
        campaign_name,
        row_number() over (partition by campaign_id order by spend_date desc, campaign_name) as place
    from {{ ref('stg_facebook_ads__insights') }}
    where campaign_name is not null
),

campaigns as (
    select platform, campaign_id from listed
    union
    select platform, campaign_id from delivered
)

select
    campaigns.platform || ':' || campaigns.campaign_id as campaign_key,
    campaigns.platform,
    campaigns.campaign_id,
    coalesce(listed.campaign_name, names.campaign_name) as campaign_name,
    coalesce(listed.account_id, delivered.account_id) as account_id,
    listed.account_name,
    listed.status,
    listed.channel,
    listed.started_on,
    delivered.first_spend_on,
    delivered.last_spend_on,
    listed.campaign_id is not null as is_listed
from campaigns
left join listed on campaigns.platform = listed.platform and campaigns.campaign_id = listed.campaign_id
left join delivered on campaigns.platform = delivered.platform and campaigns.campaign_id = delivered.campaign_id
left join names
    on campaigns.platform = names.platform
    and campaigns.campaign_id = names.campaign_id
    and names.place = 1
