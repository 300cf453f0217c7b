with activities as (
    select contributor, author_login as login, author_name, 'commit' as activity, committed_at as happened_at
    from {{ ref('stg_github__commits') }}
    union all
    select opened_by, opened_by, null, 'issue', opened_at
    from {{ ref('stg_github__issues') }}
    where not is_pull_request
    union all
    select opened_by, opened_by, null, 'pull', opened_at
    from {{ ref('stg_github__pulls') }}
)

select
    contributor,
    max(login) as login,
    max(author_name) as contributor_name,
    count(case when activity = 'commit' then 1 end) as commits,
    count(case when activity = 'issue' then 1 end) as issues,
    count(case when activity = 'pull' then 1 end) as pull_requests,
    min(happened_at) as first_seen_at,
    max(happened_at) as last_seen_at
from activities
where contributor is not null
group by contributor
