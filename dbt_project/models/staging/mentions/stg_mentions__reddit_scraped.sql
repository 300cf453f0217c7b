select
    posts.id as post_id,
    posts.url as post_url,
    {{ parse_time('posts.created_at') }} as posted_at,
    cast(null as varchar) as author_id,
    posts.username as author_handle,
    cast(null as varchar) as author_name,
    posts.title || coalesce(chr(10) || nullif(posts.body, ''), '') as body,
    {{ clean_link('posts.link') }} as link,
    {{ parse_count('posts.up_votes') }} as likes,
    {{ is_rounded('posts.up_votes') }} as likes_are_rounded,
    {{ parse_count('posts.number_of_comments') }} as comments,
    cast(null as bigint) as shares,
    {{ json_text('posts.extra', 'scraper.version') }} as scraper_version
from {{ source('raw', 'mentions_reddit_scraped') }} as posts
