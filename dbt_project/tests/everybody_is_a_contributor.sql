{#- Every contributor of a fact has a row in dim_contributor: attached to the dimension, since where that can be built the
    facts can be too. -#}
{{ config(meta={'dagster': {'ref': {'name': 'dim_contributor'}}}) }}

with named as (
    select 'fct_commits_daily' as fact, contributor from {{ ref('fct_commits_daily') }}
    union all
    select 'fct_merge_commits', contributor from {{ ref('fct_merge_commits') }}
    union all
    select 'fct_issue_age', opened_by from {{ ref('fct_issue_age') }}
    union all
    select 'fct_pull_requests', opened_by from {{ ref('fct_pull_requests') }}
)

select named.fact, named.contributor
from named
left join {{ ref('dim_contributor') }} as contributors on named.contributor = contributors.contributor
where named.contributor is not null and contributors.contributor is null
