select
    name as post_id,
    'https://www.reddit.com' || permalink as post_url,
    {{ from_epoch('created_utc') }} as posted_at,
    author_fullname as author_id,
    author as author_handle,
    cast(null as varchar) as author_name,
    title || coalesce(chr(10) || nullif(selftext, ''), '') as body,
    -- The url of a text is the submission itself.
    case when not is_self then {{ clean_link('url') }} end as link,
    score as likes,
    false as likes_are_rounded,
    num_comments as comments,
    cast(null as bigint) as shares
from {{ source('raw', 'mentions_reddit_api') }}
