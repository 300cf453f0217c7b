"""Posts that mention us on Facebook, Reddit and X, each platform from two sides.

Purpose: which links and which authors bring attention, whichever platform they use.
Owner: team:data-platform.
Origin: the platforms' own APIs (structured), and a scraping service that speaks Apify's API (semi-structured: keys come
and go, numbers and dates are spelt as the page showed them). Both sides partly hold the same posts; dbt brings them
together.

    graph.facebook.com/{version}/{page}/tagged   ┐
    oauth.reddit.com/search                      ├-> data.py -> raw.mentions_{platform}_api     ┐
    api.x.com/2/tweets/search/recent             ┘                                              ├-> dbt stg_mentions
    api.apify.com/v2/datasets/{id}/items          -> data.py -> raw.mentions_{platform}_scraped ┘
"""

TIMEOUT = (5, 30)
"""Seconds to connect, and to wait for the next bytes."""

FACEBOOK_FIELDS = (
    "id,created_time,updated_time,from,message,permalink_url,status_type,is_hidden,shares,"
    "reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count),"
    "attachments{media_type,title,unshimmed_url}"
)
TWEET_FIELDS = "author_id,conversation_id,created_at,entities,lang,possibly_sensitive,public_metrics"
USER_FIELDS = "created_at,name,public_metrics,username,verified"


def check_progress(seen: set[int], *marks: object) -> None:
    """Refuse a page whose rows, or whose pointer to the next page, were there before: it would never end.

    Raises:
        RuntimeError: where one of the marks was seen.
    """
    for mark in filter(None, marks):
        fingerprint = hash(repr(mark))
        if fingerprint in seen:
            raise RuntimeError(f"paging goes in circles: seen before: {mark!r:.200}")
        seen.add(fingerprint)
