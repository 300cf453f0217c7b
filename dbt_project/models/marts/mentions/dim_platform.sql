with platforms as (
    select 'facebook' as platform, 'Facebook' as platform_name, 'reactions' as likes_are
    union all
    select 'reddit', 'Reddit', 'votes up minus votes down'
    union all
    select 'x', 'X', 'likes'
),

mentions as (
    select
        platform,
        count(*) as mentions,
        count(distinct author_key) as authors,
        min(posted_at) as first_posted_at,
        max(posted_at) as last_posted_at
    from {{ ref('stg_mentions') }}
    group by platform
)

select
    platforms.platform,
    platforms.platform_name,
    platforms.likes_are,
    coalesce(mentions.mentions, 0) as mentions,
    coalesce(mentions.authors, 0) as authors,
    mentions.first_posted_at,
    mentions.last_posted_at
from platforms
left join mentions on platforms.platform = mentions.platform
