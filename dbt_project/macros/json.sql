{#- The text at a path (`a.b`) of a JSON column; null where the path leads nowhere. -#}
{% macro json_text(column, path) %}{{ return(adapter.dispatch('json_text')(column, path)) }}{% endmacro %}

{% macro duckdb__json_text(column, path) %}json_extract_string({{ column }}, '$.{{ path }}'){% endmacro %}

{#- A VARIANT that came in a parquet file may hold the JSON as one string: as text, parsed anew, both are the same. -#}
{% macro snowflake__json_text(column, path) -%}
    cast(get_path(try_parse_json(to_varchar({{ column }})), '{{ path }}') as varchar)
{%- endmacro %}

{% macro postgres__json_text(column, path) %}({{ column }} #>> '{{ "{" ~ path | replace(".", ",") ~ "}" }}'){% endmacro %}

{#- Redshift's SUPER has no operator for a path. No server has run these, nor those that follow. -#}
{% macro redshift__json_text(column, path) -%}
    json_extract_path_text(json_serialize({{ column }}), '{{ path | replace(".", "', '") }}', true)
{%- endmacro %}

{% macro bigquery__json_text(column, path) %}json_value({{ column }}, '$.{{ path }}'){% endmacro %}

{% macro spark__json_text(column, path) %}get_json_object({{ column }}, '$.{{ path }}'){% endmacro %}

{% macro athena__json_text(column, path) %}json_extract_scalar({{ column }}, '$.{{ path }}'){% endmacro %}

{% macro sqlserver__json_text(column, path) %}json_value({{ column }}, '$.{{ path }}'){% endmacro %}

{% macro fabric__json_text(column, path) %}json_value({{ column }}, '$.{{ path }}'){% endmacro %}
