{#- Times in the models are UTC and carry no zone: a day is then the same day for every reader. -#}

{#- A timestamp with a zone as UTC without one. -#}
{% macro to_utc(column) %}{{ return(adapter.dispatch('to_utc')(column)) }}{% endmacro %}

{% macro duckdb__to_utc(column) %}({{ column }} at time zone 'UTC'){% endmacro %}

{% macro postgres__to_utc(column) %}({{ column }} at time zone 'UTC'){% endmacro %}

{% macro snowflake__to_utc(column) %}cast(convert_timezone('UTC', {{ column }}) as timestamp_ntz){% endmacro %}

{#- No server has run those of other engines. -#}
{% macro bigquery__to_utc(column) %}datetime({{ column }}, 'UTC'){% endmacro %}

{% macro spark__to_utc(column) -%}
    convert_timezone(current_timezone(), 'UTC', cast({{ column }} as timestamp_ntz))
{%- endmacro %}

{% macro athena__to_utc(column) %}cast({{ column }} at time zone 'UTC' as timestamp(6)){% endmacro %}

{% macro sqlserver__to_utc(column) %}cast({{ column }} at time zone 'UTC' as datetime2(6)){% endmacro %}

{% macro fabric__to_utc(column) %}cast({{ column }} at time zone 'UTC' as datetime2(6)){% endmacro %}

{#- Seconds since 1970 as a time. -#}
{% macro from_epoch(seconds) %}{{ return(adapter.dispatch('from_epoch')(seconds)) }}{% endmacro %}

{% macro duckdb__from_epoch(seconds) %}make_timestamp(cast({{ seconds }} as bigint) * 1000000){% endmacro %}

{% macro postgres__from_epoch(seconds) -%}
    (to_timestamp(cast({{ seconds }} as bigint)) at time zone 'UTC')
{%- endmacro %}

{% macro snowflake__from_epoch(seconds) %}to_timestamp_ntz(cast({{ seconds }} as bigint)){% endmacro %}

{% macro redshift__from_epoch(seconds) -%}
    (timestamp 'epoch' + cast({{ seconds }} as bigint) * interval '1 second')
{%- endmacro %}

{% macro bigquery__from_epoch(seconds) %}datetime(timestamp_seconds(cast({{ seconds }} as int64)), 'UTC'){% endmacro %}

{% macro spark__from_epoch(seconds) -%}
    convert_timezone(current_timezone(), 'UTC', cast(timestamp_seconds(cast({{ seconds }} as bigint)) as timestamp_ntz))
{%- endmacro %}

{% macro athena__from_epoch(seconds) -%}
    cast(from_unixtime(cast({{ seconds }} as bigint)) at time zone 'UTC' as timestamp(6))
{%- endmacro %}

{% macro sqlserver__from_epoch(seconds) %}dateadd(second, {{ seconds }}, cast('1970-01-01' as datetime2(6))){% endmacro %}

{% macro fabric__from_epoch(seconds) %}dateadd(second, {{ seconds }}, cast('1970-01-01' as datetime2(6))){% endmacro %}

{#- A time in one of the spellings that scrapers write, all of them UTC; null for any other:
        2026-09-11T08:16:02.000Z
        2026-09-11 08:16:02
        Fri Sep 11 08:16:02 +0000 2026
        September 11, 2026 at 08:16 AM
        1789114562 -#}
{% macro parse_time(text) %}{{ return(adapter.dispatch('parse_time')(text)) }}{% endmacro %}

{% macro duckdb__parse_time(text) -%}
    coalesce(
        {{ from_epoch('try_cast(' ~ text ~ ' as bigint)') }},
        try_strptime({{ text }}, [
            '%Y-%m-%dT%H:%M:%S.000Z',
            '%Y-%m-%d %H:%M:%S',
            '%a %b %d %H:%M:%S +0000 %Y',
            '%B %d, %Y at %I:%M %p'
        ])
    )
{%- endmacro %}

{% macro snowflake__parse_time(text) -%}
    coalesce(
        {{ from_epoch('try_cast(' ~ text ~ ' as bigint)') }},
        try_to_timestamp_ntz(replace(replace({{ text }}, 'T', ' '), '.000Z', ''), 'YYYY-MM-DD HH24:MI:SS'),
        try_to_timestamp_ntz(replace({{ text }}, ' +0000 ', ' '), 'DY MON DD HH24:MI:SS YYYY'),
        try_to_timestamp_ntz(replace({{ text }}, ' at ', ' '), 'MMMM DD, YYYY HH12:MI AM')
    )
{%- endmacro %}

{#- A path's datetime() is what reads a time in PostgreSQL without failing where there is none. -#}
{% macro postgres__parse_time(text) -%}
    coalesce(
        {{ from_epoch("case when " ~ text ~ " ~ '^[0-9]{1,11}$' then " ~ text ~ " end") }}
        {%- for format in [
            'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"',
            'YYYY-MM-DD HH24:MI:SS',
            'Dy Mon DD HH24:MI:SS "+0000" YYYY',
            'FMMonth DD, YYYY "at" HH12:MI AM',
        ] %},
        cast(jsonb_path_query_first(
            to_jsonb(cast({{ text }} as text)), '$.datetime("{{ format | replace('"', '\\"') }}")', silent => true
        ) #>> '{}' as timestamp)
        {%- endfor %}
    )
{%- endmacro %}

{#- dbt looks for each of these when it starts, whether or not a model uses it. -#}
{% macro default__parse_time(text) -%}
    {{ exceptions.raise_compiler_error('macro parse_time: it is not written for ' ~ target.type ~ '; add ' ~ target.type ~ '__parse_time') }}
{%- endmacro %}
