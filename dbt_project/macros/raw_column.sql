{#- A column of raw by its name, which may be a word of SQL's; Snowflake keeps names in capitals. -#}
{% macro raw_column(name) %}{{ return(adapter.dispatch('raw_column')(name)) }}{% endmacro %}

{% macro default__raw_column(name) %}{{ adapter.quote(name) }}{% endmacro %}

{% macro snowflake__raw_column(name) %}{{ adapter.quote(name | upper) }}{% endmacro %}
