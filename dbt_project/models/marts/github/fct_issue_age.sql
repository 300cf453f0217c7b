with issues as (
    select
        *,
        -- Not the clock: the same tables give the same ages.
        coalesce(closed_at, max(updated_at) over ()) as aged_until
    from {{ ref('stg_github__issues') }}
),

labels as (
    select
        issue_id,
        count(*) as label_count,
        {{ dbt.listagg('label', "', '", 'order by label') }} as labels
    from {{ ref('stg_github__issue_labels') }}
    group by issue_id
)

select
    issues.issue_id,
    issues.issue_number,
    issues.title,
    issues.opened_by,
    issues.state,
    issues.opened_at,
    issues.closed_at,
    {{ dbt.datediff('issues.opened_at', 'issues.aged_until', 'day') }} as age_days,
    issues.reactions,
    coalesce(labels.label_count, 0) as label_count,
    labels.labels
from issues
left join labels on issues.issue_id = labels.issue_id
where not issues.is_pull_request
