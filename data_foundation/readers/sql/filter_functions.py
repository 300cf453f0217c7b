"""The functions that `query_filter` may call: those that only read, by dialect."""

from __future__ import annotations

_WORDS = """
    all and any array as between binary by case char character collate date datetime datetime2 datetimeoffset dec
    decimal distinct double else escape except exists fetch filter float from glob group having ilike in int integer
    intersect interval is join lateral like limit materialized nchar not number numeric nvarchar nvarchar2 offset on
    or order over partition raw real regexp rlike row select similar some then time timestamp timestamptz timetz top
    union using values varbinary varbit varchar varchar2 varying when where with within year
"""
WORDS = frozenset(_WORDS.split())
"""Words of SQL, and types, that may stand before an opening bracket."""

_EVERYWHERE = """
    abs acos ascii asin atan atan2 avg cast ceil ceiling coalesce concat cos count current_date current_time
    current_timestamp dense_rank exp extract first_value floor greatest lag last_value lead least left length ln
    localtime localtimestamp log log10 lower lpad ltrim max min mod nullif position power radians rank replace
    reverse right round row_number rpad rtrim sign sin sqrt substr substring sum tan trim upper
"""

FUNCTIONS = {
    dialect: frozenset((*_EVERYWHERE.split(), *own.split()))
    for dialect, own in {
        "postgresql": """
            age array_agg array_length array_position array_to_string bit_length bool_and bool_or btrim
            cardinality cbrt char_length character_length chr clock_timestamp date_bin date_part
            date_trunc decode div encode every format initcap isempty isfinite json_array_length
            json_extract_path json_extract_path_text json_typeof jsonb_array_length jsonb_exists
            jsonb_extract_path jsonb_extract_path_text jsonb_path_exists jsonb_typeof make_date
            make_interval make_time make_timestamp make_timestamptz md5 now num_nonnulls num_nulls
            octet_length overlay random regexp_count regexp_like regexp_match regexp_matches
            regexp_replace regexp_substr sha224 sha256 sha384 sha512 split_part starts_with
            statement_timestamp string_agg string_to_array strpos timezone to_char to_date to_number
            to_timestamp transaction_timestamp translate trunc unnest
        """,
        "sqlite": """
            date datetime format glob group_concat hex ifnull iif instr json_array_length json_extract
            json_type json_valid julianday like printf quote random strftime time total typeof unicode
            unixepoch
        """,
        "mysql": """
            adddate addtime char_length character_length concat_ws convert crc32 curdate current_date
            current_time current_timestamp curtime date date_add date_format date_sub datediff day
            dayname dayofmonth dayofweek dayofyear elt field find_in_set format from_days from_unixtime
            group_concat hex hour if ifnull instr isnull json_contains json_extract json_length
            json_type json_unquote json_valid last_day lcase locate makedate md5 mid minute month
            monthname now pow quarter rand regexp_instr regexp_like regexp_replace regexp_substr second
            sha sha1 sha2 str_to_date strcmp subdate substring_index subtime sysdate time time_to_sec
            timediff timestamp timestampadd timestampdiff to_days truncate ucase unhex unix_timestamp
            utc_date utc_time utc_timestamp week weekday weekofyear yearweek
        """,
        "mssql": """
            charindex checksum choose concat_ws convert datalength dateadd datediff datediff_big
            datefromparts datename datepart datetime2fromparts datetimefromparts day eomonth format
            getdate getutcdate hashbytes iif isdate isjson isnull isnumeric json_query json_value len
            month parse patindex replicate square str string_agg stuff sysdatetime sysdatetimeoffset
            sysutcdatetime translate try_cast try_convert try_parse
        """,
        "oracle": """
            add_months decode from_tz hextoraw initcap instr json_exists json_query json_value last_day
            lengthb listagg months_between next_day numtodsinterval numtoyminterval nvl nvl2 ora_hash
            rawtohex regexp_count regexp_instr regexp_like regexp_replace regexp_substr remainder
            standard_hash substrb sys_extract_utc to_char to_date to_dsinterval to_number to_timestamp
            to_timestamp_tz to_yminterval translate trunc
        """,
    }.items()
}
"""Names of functions, in lower case, by dialect of the connection."""
