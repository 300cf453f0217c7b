{#- Whatever cost something has a row in dim_campaign: attached to the dimension, since where that can be built the
    fact can be too. -#}
{{ config(meta={'dagster': {'ref': {'name': 'dim_campaign'}}}) }}

select distinct spend.campaign_key
from {{ ref('fct_ad_spend_daily') }} as spend
left join {{ ref('dim_campaign') }} as campaigns on spend.campaign_key = campaigns.campaign_key
where campaigns.campaign_key is null
