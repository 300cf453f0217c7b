{#- An address without `utm_` parameters and without a slash at its end, so that one page is one text. -#}
{% macro clean_link(url) -%}
    nullif(regexp_replace({{ without_tracking(url) }}, '[?&/]+$', ''), '')
{%- endmacro %}

{% macro without_tracking(url) %}{{ return(adapter.dispatch('without_tracking')(url)) }}{% endmacro %}

{% macro duckdb__without_tracking(url) %}regexp_replace({{ url }}, '([?&])(utm_[^&#]*&?)+', '\1', 'g'){% endmacro %}

{% macro snowflake__without_tracking(url) %}regexp_replace({{ url }}, '([?&])(utm_[^&#]*&?)+', '\\1'){% endmacro %}

{% macro postgres__without_tracking(url) %}regexp_replace({{ url }}, '([?&])(utm_[^&#]*&?)+', '\1', 'g'){% endmacro %}

{% macro default__without_tracking(url) -%}
    {{ exceptions.raise_compiler_error('macro without_tracking: it is not written for ' ~ target.type ~ '; add ' ~ target.type ~ '__without_tracking') }}
{%- endmacro %}
