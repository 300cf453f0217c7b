{#- A nested table of raw, empty where it does not exist: dlt makes it with the first row that has an item.
    Arguments: the table, and name to type of the columns that are read. -#}
{% macro child_table(table, columns) -%}
    {%- set relation = source('raw', table) -%}
    {%- if not execute or not flags.INTROSPECT or load_relation(relation) -%}
        select
        {%- for name in columns %}
        {{ raw_column(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        from {{ relation }}
    {%- else -%}
        select
        {%- for name, type in columns.items() %}
        cast(null as {{ type }}) as {{ raw_column(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        where false
    {%- endif -%}
{%- endmacro %}
