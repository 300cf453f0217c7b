select
    mentions.author_key,
    mentions.platform,
    mentions.posted_on,
    count(*) as mentions,
    cast(coalesce(sum(mentions.likes), 0) as bigint) as likes,
    count(case when mentions.likes is null then 1 end) as mentions_without_likes
from {{ ref('stg_mentions') }} as mentions
group by mentions.author_key, mentions.platform, mentions.posted_on
