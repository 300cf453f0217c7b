with links as (
    select
        link as url,
        split_part(split_part(link, '//', 2), '/', 1) as domain,
        count(*) as mentions,
        count(case when platform = 'facebook' then 1 end) as mentions_on_facebook,
        count(case when platform = 'reddit' then 1 end) as mentions_on_reddit,
        count(case when platform = 'x' then 1 end) as mentions_on_x,
        count(distinct author_key) as authors,
        cast(coalesce(sum(likes), 0) as bigint) as likes,
        min(posted_at) as first_posted_at,
        max(posted_at) as last_posted_at
    from {{ ref('stg_mentions') }}
    where link is not null
    group by link
)

select
    row_number() over (order by mentions desc, likes desc, url) as place,
    links.*
from links
