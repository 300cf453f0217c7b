select
    posts.id as post_id,
    posts.url as post_url,
    {{ parse_time('posts.created_at') }} as posted_at,
    cast(null as varchar) as author_id,
    posts.author__user_name as author_handle,
    posts.author__name as author_name,
    posts.full_text as body,
    {{ clean_link('posts.outlinks') }} as link,
    {{ parse_count('posts.like_count') }} as likes,
    {{ is_rounded('posts.like_count') }} as likes_are_rounded,
    {{ parse_count('posts.reply_count') }} as comments,
    {{ parse_count('posts.retweet_count') }} as shares,
    {{ json_text('posts.extra', 'scraper.version') }} as scraper_version
from {{ source('raw', 'mentions_x_scraped') }} as posts
