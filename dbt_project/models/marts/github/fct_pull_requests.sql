select
    pull_id,
    pull_number,
    title,
    opened_by,
    case when merged_at is not null then 'merged' when state = 'closed' then 'rejected' else 'open' end as outcome,
    is_draft,
    head_branch,
    base_branch,
    opened_at,
    closed_at,
    merged_at,
    {{ dbt.datediff('opened_at', 'merged_at', 'hour') }} as hours_to_merge
from {{ ref('stg_github__pulls') }}
