{#- A model lands in the schema that dbt_project.yml gives it, without the target's schema before it. What sets one
    deployment apart from another on the same warehouse belongs here, and nowhere else. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
