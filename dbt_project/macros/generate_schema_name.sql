{#- A model lands in the schema that dbt_project.yml gives it, without the target's schema before it. Behind it stands
    what sets one deployment apart from another on the same warehouse: nothing for production. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}{{ env_var('DBT_SCHEMA_SUFFIX', '') }}
{%- endmacro %}
