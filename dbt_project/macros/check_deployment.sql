{#- Stops dbt that was started by hand on DuckDB where .env sets a deployment: dbt does not read .env, and would build the
    tables of production. On other warehouses schema_suffix() stops it, whatever .env has. -#}
{% macro check_deployment() -%}
    {%- set is_decided = env_var('DBT_SCHEMA_SUFFIX', 'unset') != 'unset' or env_var('DEPLOYMENT', '') -%}
    {%- if execute and target.type == 'duckdb' and not is_decided -%}
        {%- set above = '/..' if flags.PROFILES_DIR.endswith('dbt_project') else '' -%}
        {%- set query -%}
            select list_last(regexp_extract_all(content, '(?m)^[ \t]*(?:export[ \t]+)?DEPLOYMENT[ \t]*=[ \t]*["'']?(\w+)', 1))
            from read_text('{{ (flags.PROFILES_DIR ~ above) | replace("'", "''") }}/[.]env')
        {%- endset -%}
        {%- for row in run_query(query).rows if row[0] and row[0] != 'production' -%}
            {%- do exceptions.raise_compiler_error(
                "DEPLOYMENT: .env sets it to " ~ row[0] ~ ", and dbt does not read .env: run `foundation dbt -- build`, or"
                ~ " set it in the environment"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
