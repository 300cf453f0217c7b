{#- A number as a web page shows it: `1234`, `1,234`, `1.2K`, `3M`; null for anything else. -#}
{% macro parse_count(text) -%}
    cast(round(
        try_cast(replace(replace(replace(upper({{ text }}), ',', ''), 'K', ''), 'M', '') as decimal(18, 3))
        * case right(upper({{ text }}), 1) when 'K' then 1000 when 'M' then 1000000 else 1 end
    ) as bigint)
{%- endmacro %}

{#- Whether such a number is shown with fewer digits than it has. -#}
{% macro is_rounded(text) -%}
    coalesce(right(upper({{ text }}), 1) in ('K', 'M'), false)
{%- endmacro %}
