with parents as (
    select
        commit_sha,
        count(*) as parents,
        max(case when parent_index = 0 then parent_sha end) as merged_into_sha,
        max(case when parent_index = 1 then parent_sha end) as merged_sha
    from {{ ref('stg_github__commit_parents') }}
    group by commit_sha
    having count(*) > 1
)

select
    commits.commit_sha,
    commits.contributor,
    commits.committed_at as merged_at,
    commits.message,
    parents.parents,
    parents.merged_into_sha,
    parents.merged_sha
from parents
inner join {{ ref('stg_github__commits') }} as commits on parents.commit_sha = commits.commit_sha
