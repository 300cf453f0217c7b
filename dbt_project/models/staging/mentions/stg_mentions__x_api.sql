with urls as (
    {{ child_table('mentions_x_api__entities__urls',
                   {'_dlt_parent_id': 'varchar', '_dlt_list_idx': 'bigint', 'expanded_url': 'varchar'}) }}
)

select
    posts.id as post_id,
    'https://x.com/' || posts.author__username || '/status/' || posts.id as post_url,
    {{ to_utc('posts.created_at') }} as posted_at,
    posts.author_id,
    posts.author__username as author_handle,
    posts.author__name as author_name,
    posts.text as body,
    {{ clean_link('urls.expanded_url') }} as link,
    posts.public_metrics__like_count as likes,
    false as likes_are_rounded,
    posts.public_metrics__reply_count as comments,
    posts.public_metrics__retweet_count as shares
from {{ source('raw', 'mentions_x_api') }} as posts
left join urls on posts._dlt_id = urls._dlt_parent_id and urls._dlt_list_idx = 0
