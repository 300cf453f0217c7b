select
    posts.post_id,
    posts.url as post_url,
    {{ parse_time('posts.time') }} as posted_at,
    nullif(split_part(posts.user__profile_url, 'profile.php?id=', 2), '') as author_id,
    cast(null as varchar) as author_handle,
    posts.user__name as author_name,
    posts.text as body,
    {{ clean_link('posts.link') }} as link,
    {{ parse_count('posts.likes') }} as likes,
    {{ is_rounded('posts.likes') }} as likes_are_rounded,
    {{ parse_count('posts.comments') }} as comments,
    {{ parse_count('posts.shares') }} as shares,
    {{ json_text('posts.extra', 'scraper.version') }} as scraper_version
from {{ source('raw', 'mentions_facebook_scraped') }} as posts
