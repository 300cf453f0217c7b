{#- A model lands in the schema that dbt_project.yml gives it, without the target's schema before it. Behind it stands
    what sets one deployment apart from another on the same warehouse: nothing for production. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set suffix = schema_suffix() -%}
    {%- set of_target = target.schema if target.schema.endswith(suffix) else target.schema ~ suffix -%}
    {{ custom_schema_name | trim ~ suffix if custom_schema_name else of_target }}
{%- endmacro %}

{#- The suffix of this deployment's schemas. `foundation` and Dagster set DBT_SCHEMA_SUFFIX. For dbt started by hand it is
    what profiles.yml puts behind the target's schema, by DEPLOYMENT and DEPLOYMENT_USER; where these do not decide it,
    dbt stops, as it would build the tables of another deployment. -#}
{% macro schema_suffix() -%}
    {%- set user = target.schema.partition('__')[2] -%}
    {%- set deployment = env_var('DEPLOYMENT', '') -%}
    {%- if env_var('DBT_SCHEMA_SUFFIX', 'unset') != 'unset' -%}
        {{ return(env_var('DBT_SCHEMA_SUFFIX')) }}
    {%- elif deployment not in ('', 'dev', 'production') -%}
        {%- do exceptions.raise_compiler_error("DEPLOYMENT: got '" ~ deployment ~ "'; accepted: dev, production") -%}
    {%- elif not deployment and target.type != 'duckdb' -%}
        {%- do exceptions.raise_compiler_error(
            "DEPLOYMENT: not set, and others write to this warehouse too; dbt does not read .env: run `foundation dbt --"
            ~ " build`, or set it to dev or production in the environment"
        ) -%}
    {%- elif deployment == 'dev' and not modules.re.fullmatch('[a-z][a-z0-9]*(_[a-z0-9]+)*', user) -%}
        {%- do exceptions.raise_compiler_error(
            "DEPLOYMENT_USER: got '" ~ user ~ "'; accepted by dbt: lower-case letters, digits and single _, for instance"
            ~ " anna; set it, or run `foundation dbt -- build`, which accepts every name"
        ) -%}
    {%- endif -%}
    {{ return('__' ~ user if deployment == 'dev' else '') }}
{%- endmacro %}
