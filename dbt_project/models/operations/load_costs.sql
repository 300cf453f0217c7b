{#- Snowflake attributes credits to the statements of a load by their query tag, some hours later. To read them, the role
    needs the database role SNOWFLAKE.USAGE_VIEWER, and dbt_project.yml the variable snowflake_credits: true. -#}
{{ config(schema='operations', materialized='view') }}

{%- set has_credits = target.type == 'snowflake' and var('snowflake_credits', false) %}
{%- set audit = api.Relation.create(
    database=target.database,
    schema='raw' ~ env_var('DBT_SCHEMA_SUFFIX', target.schema.partition('__')[1:] | join),
    identifier='_load_audit'
) %}
{#- Before the first load there is no such table. -#}
{%- set has_loads = not execute or not flags.INTROSPECT or load_relation(audit) %}

with costs as (

    select
        cast({{ to_utc(raw_column('started')) }} as date) as loaded_on,
        {{ raw_column('source') }} as source,
        1 as attempts,
        case when {{ raw_column('status') }} = 'loaded' then 0 else 1 end as failed_attempts,
        case when {{ raw_column('status') }} = 'loaded' then {{ raw_column('rows') }} end as rows_loaded,
        {{ raw_column('bytes') }} as bytes_loaded,
        {{ raw_column('seconds') }} as seconds,
        cast(null as double precision) as credits
    from
        {% if has_loads %}{{ audit }}{% else %}(
            select
                cast(null as timestamp) as {{ raw_column('started') }},
                cast(null as varchar) as {{ raw_column('source') }},
                cast(null as varchar) as {{ raw_column('status') }},
                cast(null as bigint) as {{ raw_column('rows') }},
                cast(null as bigint) as {{ raw_column('bytes') }},
                cast(null as double precision) as {{ raw_column('seconds') }}
            where 1 = 0
        ) as no_loads{% endif %}

    {%- if has_credits %}

    union all

    select
        cast(convert_timezone('UTC', start_time) as date),
        cast(try_parse_json(query_tag):source as varchar),
        0,
        0,
        null,
        null,
        null,
        credits_attributed_compute + coalesce(credits_used_query_acceleration, 0)
    from snowflake.account_usage.query_attribution_history
    where
        -- Other deployments of the account have runs of their own.
        cast(try_parse_json(query_tag):run_id as varchar) in (select {{ raw_column('run_id') }} from {{ audit }})
    {%- endif %}

)

select
    loaded_on,
    source,
    cast(sum(attempts) as bigint) as attempts,
    cast(sum(failed_attempts) as bigint) as failed_attempts,
    cast(coalesce(sum(rows_loaded), 0) as bigint) as rows_loaded,
    cast(coalesce(sum(bytes_loaded), 0) as bigint) as bytes_loaded,
    coalesce(sum(seconds), 0) as seconds,
    sum(credits) as credits
from costs
group by loaded_on, source
