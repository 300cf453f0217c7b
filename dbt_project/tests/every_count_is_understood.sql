{#- Where a scraper shows a number, staging has one: a row here is a spelling that `parse_count` does not know yet. -#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_mentions'}}}) }}

-- Attached to the model that is built when all of them are: depends_on {{ ref('stg_mentions') }}

{%- set shown = [
    ('facebook', 'post_id', {'likes': 'likes', 'comments': 'comments', 'shares': 'shares'}),
    ('reddit', 'id', {'up_votes': 'likes', 'number_of_comments': 'comments'}),
    ('x', 'id', {'like_count': 'likes', 'reply_count': 'comments', 'retweet_count': 'shares'}),
] %}
{%- for platform, key, counts in shown %}
{%- set outer = loop %}
{%- for raw_column, column in counts.items() %}
select '{{ platform }}' as platform, '{{ raw_column }}' as raw_column, raw_posts.{{ raw_column }} as spelling
from {{ source('raw', 'mentions_' ~ platform ~ '_scraped') }} as raw_posts
inner join {{ ref('stg_mentions__' ~ platform ~ '_scraped') }} as posts on raw_posts.{{ key }} = posts.post_id
where raw_posts.{{ raw_column }} is not null and posts.{{ column }} is null
{{ 'union all' if not (loop.last and outer.last) }}
{%- endfor %}
{%- endfor %}
