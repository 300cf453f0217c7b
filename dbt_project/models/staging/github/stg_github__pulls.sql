select
    id as pull_id,
    number as pull_number,
    title,
    state,
    draft as is_draft,
    user__login as opened_by,
    {{ json_text('head', 'ref') }} as head_branch,
    {{ json_text('base', 'ref') }} as base_branch,
    {{ to_utc('created_at') }} as opened_at,
    {{ to_utc('updated_at') }} as updated_at,
    {{ to_utc('closed_at') }} as closed_at,
    {{ to_utc('merged_at') }} as merged_at,
    merge_commit_sha
from {{ source('raw', 'github_pulls') }}
