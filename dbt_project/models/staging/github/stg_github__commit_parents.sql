with parents as (
    {{ child_table('github_commits__parents',
                   {'_dlt_parent_id': 'varchar', '_dlt_list_idx': 'bigint', 'sha': 'varchar'}) }}
)

select
    commits.sha as commit_sha,
    parents._dlt_list_idx as parent_index,
    parents.sha as parent_sha
from parents
inner join {{ source('raw', 'github_commits') }} as commits on parents._dlt_parent_id = commits._dlt_id
