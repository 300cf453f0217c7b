{#- The rows of a tag, from every satellite of some of its tables, older ones of another schema included: the tag's
    columns under the tag's names, whatever a satellite calls them.
    Arguments: the tag; tables of raw that land in its vault; name to type of the tag's columns that are read. -#}

{#- Every version of every row, with when it held; valid_to is null for the one that holds. -#}
{% macro all_versions(tag, tables, columns) -%}
    select
        versions.*,
        lead(versions.valid_from) over (
            partition by versions.asset, versions.hash_key order by versions.valid_from
        ) as valid_to
    from (
        {%- for satellite in find_satellites(tag, tables, columns) %}
        select
            '{{ satellite.asset }}' as asset,
            '{{ satellite.source }}' as source,
            {{ raw_column('_hash_key') }} as hash_key,
            {{ raw_column('_row_hash') }} as row_hash,
            {%- for name, type in columns.items() %}
            cast({{ raw_column(satellite.columns[name]) }} as {{ type }}) as {{ name }},
            {%- endfor %}
            {{ to_utc(raw_column('_dlt_valid_from')) }} as valid_from
        from {{ satellite.relation }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as versions
{%- endmacro %}

{#- The version of every row that holds now. -#}
{% macro current_versions(tag, tables, columns) -%}
    select * from ({{ all_versions(tag, tables, columns) }}) as history where valid_to is null
{%- endmacro %}

{#- The satellites as the warehouse lists them, oldest first. Without a connection, or before the first load, there is
    one for each table, which calls every column as the tag does. -#}
{% macro find_satellites(tag, tables, columns) -%}
    {%- set found = [] -%}
    {%- set assumed = [] -%}
    {%- for table in tables -%}
        {%- set same = {} -%}
        {%- for name in columns -%}{%- do same.update({name: name}) -%}{%- endfor -%}
        {#- dbt learns from `source` what the model depends on. -#}
        {%- do assumed.append(
            {'asset': 'raw.' ~ table, 'source': 'raw.' ~ table, 'relation': source('raw', table), 'columns': same}
        ) -%}
    {%- endfor -%}
    {%- if execute and flags.INTROSPECT -%}
        {%- set example = assumed[0].relation -%}
        {%- set list = example.incorporate(path={'identifier': 'hub_' ~ tag ~ '__satellites'}) -%}
        {%- set quoted = "'raw." ~ tables | join("', 'raw.") ~ "'" -%}
        {%- set query = 'select satellite, asset, source, tag_columns from ' ~ list
            ~ ' where asset in (' ~ quoted ~ ') order by opened_at' -%}
        {%- for row in run_query(query).rows -%}
            {%- do found.append({
                'asset': row[1], 'source': row[2], 'columns': fromjson(row[3]),
                'relation': example.incorporate(path={'identifier': row[0]}),
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found or assumed) }}
{%- endmacro %}
