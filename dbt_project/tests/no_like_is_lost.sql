{#- The likes of a platform are the same whether they are added up by post or by author and day. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fct_author_likes_daily'}}}) }}

with by_post as (
    select posts.platform, count(*) as mentions, sum(posts.likes) as likes
    from {{ ref('stg_mentions') }} as posts
    group by posts.platform
),

by_day as (
    select daily.platform, sum(daily.mentions) as mentions, sum(daily.likes) as likes
    from {{ ref('fct_author_likes_daily') }} as daily
    group by daily.platform
)

select
    coalesce(by_post.platform, by_day.platform) as platform,
    by_post.mentions as mentions_by_post,
    by_day.mentions as mentions_by_day,
    by_post.likes as likes_by_post,
    by_day.likes as likes_by_day
from by_post
full outer join by_day on by_post.platform = by_day.platform
where by_post.mentions is distinct from by_day.mentions
    or coalesce(by_post.likes, 0) is distinct from coalesce(by_day.likes, 0)
