with labels as (
    {{ child_table('github_issues__labels', {'_dlt_parent_id': 'varchar', 'name': 'varchar'}) }}
)

select
    issues.id as issue_id,
    labels.name as label
from labels
inner join {{ source('raw', 'github_issues') }} as issues on labels._dlt_parent_id = issues._dlt_id
