{#- The numbers of a table of Google Ads' metrics, micros as the amount that they are. -#}
{% macro google_ads_numbers() -%}
    currency_code as currency,
    cast(cost_micros * 0.000001 as decimal(20, 6)) as spend,
    impressions,
    clicks,
    conversions,
    conversions_value
{%- endmacro %}
