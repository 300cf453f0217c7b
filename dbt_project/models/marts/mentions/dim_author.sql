with mentions as (
    select
        *,
        row_number() over (partition by author_key order by posted_at desc, mention_key) as recency
    from {{ ref('stg_mentions') }}
)

select
    mentions.author_key,
    mentions.platform,
    max(mentions.author_id) as author_id,
    max(case when mentions.recency = 1 then mentions.author_handle end) as author_handle,
    coalesce(
        max(case when mentions.recency = 1 then mentions.author_name end), max(mentions.author_name)
    ) as author_name,
    count(*) as mentions,
    cast(coalesce(sum(mentions.likes), 0) as bigint) as likes,
    min(mentions.posted_at) as first_posted_at,
    max(mentions.posted_at) as last_posted_at
from mentions
group by mentions.author_key, mentions.platform
