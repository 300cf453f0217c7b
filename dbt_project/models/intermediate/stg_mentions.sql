{%- set platforms = ['facebook', 'reddit', 'x'] -%}
{%- set columns = [
    'post_url', 'posted_at', 'author_id', 'author_handle', 'author_name', 'body', 'link', 'likes', 'comments', 'shares'
] -%}

with sightings as (
    {% for platform in platforms -%}
    {% for origin in ['api', 'scraped'] -%}
    select
        '{{ platform }}' as platform,
        '{{ origin }}' as origin,
        post_id,
        likes_are_rounded,
        {{ columns | join(',\n        ') }}
    from {{ ref('stg_mentions__' ~ platform ~ '_' ~ origin) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

posts as (
    select
        sightings.platform,
        sightings.post_id,
        {%- for column in columns %}
        {{ api_first(column) }} as {{ column }},
        {%- endfor %}
        -- An api's count is exact; only where it is missing does the scraper's, perhaps rounded, stand in.
        count(case when sightings.origin = 'api' and sightings.likes is not null then 1 end) = 0
            and count(case when sightings.likes_are_rounded then 1 end) > 0 as likes_are_rounded,
        count(case when sightings.origin = 'api' then 1 end) > 0 as is_in_api,
        count(case when sightings.origin = 'scraped' then 1 end) > 0 as is_in_scraped
    from sightings
    group by sightings.platform, sightings.post_id
)

select
    platform || ':' || post_id as mention_key,
    -- Facebook shows no handles, scrapers of the other two show no ids.
    platform || ':' || coalesce(
        case when platform = 'facebook' then author_id else lower(author_handle) end, 'unknown'
    ) as author_key,
    cast(posted_at as date) as posted_on,
    posts.*
from posts
