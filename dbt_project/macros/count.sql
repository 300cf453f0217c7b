{#- A number as a web page shows it: `1234`, `1,234`, `1.2K`, `3M`; null for anything else. -#}
{% macro parse_count(text) -%}
    cast(round(
        {{ try_number("replace(replace(replace(upper(" ~ text ~ "), ',', ''), 'K', ''), 'M', '')") }}
        * case right(upper({{ text }}), 1) when 'K' then 1000 when 'M' then 1000000 else 1 end
    ) as bigint)
{%- endmacro %}

{#- Whether such a number is shown with fewer digits than it has. -#}
{% macro is_rounded(text) -%}
    coalesce(right(upper({{ text }}), 1) in ('K', 'M'), false)
{%- endmacro %}

{#- A text as a number with three decimals; null where it is none. -#}
{% macro try_number(text) %}{{ return(adapter.dispatch('try_number')(text)) }}{% endmacro %}

{% macro default__try_number(text) %}try_cast({{ text }} as decimal(18, 3)){% endmacro %}

{% macro postgres__try_number(text) -%}
    case when {{ text }} ~ '^\s*[+-]?([0-9]{1,15}[.]?[0-9]*|[.][0-9]+)\s*$' then cast({{ text }} as decimal(18, 3)) end
{%- endmacro %}
