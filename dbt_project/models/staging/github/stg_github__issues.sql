select
    id as issue_id,
    number as issue_number,
    title,
    state,
    pull_request__url is not null as is_pull_request,
    user__login as opened_by,
    {{ to_utc('created_at') }} as opened_at,
    {{ to_utc('updated_at') }} as updated_at,
    {{ to_utc('closed_at') }} as closed_at,
    cast({{ json_text('reactions', 'total_count') }} as bigint) as reactions
from {{ source('raw', 'github_issues') }}
