select
    cast(commits.committed_at as date) as committed_on,
    commits.contributor,
    count(*) as commits,
    count(merges.commit_sha) as merge_commits
from {{ ref('stg_github__commits') }} as commits
left join {{ ref('fct_merge_commits') }} as merges on commits.commit_sha = merges.commit_sha
group by cast(commits.committed_at as date), commits.contributor
