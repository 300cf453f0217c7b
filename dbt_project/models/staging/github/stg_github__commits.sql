select
    sha as commit_sha,
    commit__message as message,
    {{ to_utc('commit__author__date') }} as authored_at,
    {{ to_utc('commit__committer__date') }} as committed_at,
    -- GitHub knows no account for some e-mail addresses.
    coalesce(author__login, commit__author__email) as contributor,
    author__login as author_login,
    commit__author__name as author_name,
    commit__author__email as author_email,
    html_url as commit_url
from {{ source('raw', 'github_commits') }}
