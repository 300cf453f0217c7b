with attachments as (
    {{ child_table('mentions_facebook_api__attachments__data',
                   {'_dlt_parent_id': 'varchar', '_dlt_list_idx': 'bigint', 'unshimmed_url': 'varchar'}) }}
)

select
    split_part(posts.id, '_', 2) as post_id,
    posts.permalink_url as post_url,
    {{ to_utc('posts.created_time') }} as posted_at,
    posts.from__id as author_id,
    cast(null as varchar) as author_handle,
    posts.from__name as author_name,
    posts.message as body,
    {{ clean_link('attachments.unshimmed_url') }} as link,
    posts.reactions__summary__total_count as likes,
    false as likes_are_rounded,
    posts.comments__summary__total_count as comments,
    -- Facebook leaves out what is zero.
    coalesce(posts.shares__count, 0) as shares
from {{ source('raw', 'mentions_facebook_api') }} as posts
left join attachments on posts._dlt_id = attachments._dlt_parent_id and attachments._dlt_list_idx = 0
