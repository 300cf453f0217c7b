{#- Within a group of the sightings of one post: the api's value, the scraper's where the api has none. -#}
{% macro api_first(column) -%}
    coalesce(
            max(case when sightings.origin = 'api' then sightings.{{ column }} end),
            max(case when sightings.origin = 'scraped' then sightings.{{ column }} end)
        )
{%- endmacro %}
