{#- A number with so many decimals, of the type that it had. -#}
{% macro round_to(number, decimals) %}{{ return(adapter.dispatch('round_to')(number, decimals)) }}{% endmacro %}

{% macro default__round_to(number, decimals) %}round({{ number }}, {{ decimals }}){% endmacro %}

{#- PostgreSQL rounds a double to whole numbers only. -#}
{% macro postgres__round_to(number, decimals) -%}
    cast(round(cast({{ number }} as numeric), {{ decimals }}) as double precision)
{%- endmacro %}
