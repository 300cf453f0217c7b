"""The functions that `query` and `query_filter` may call: those that only read, by dialect."""

from __future__ import annotations

_WORDS = """
    all and any apply array as between binary by case char character collate cube date datetime datetime2
    datetimeoffset dec decimal distinct double else escape except exists fetch filter float from glob group having
    ilike in int integer intersect interval is join lateral like limit materialized minus nchar not number numeric
    nvarchar nvarchar2 offset on or order over partition raw real regexp rlike rollup row select sets similar some
    then time timestamp timestamptz timetz top union using values varbinary varbit varchar varchar2 varying when
    where with within year
"""
WORDS = frozenset(_WORDS.split())
"""Words of SQL, and types, that may stand before an opening bracket."""

_EVERYWHERE = """
    abs acos ascii asin atan atan2 avg cast ceil ceiling coalesce concat cos count cume_dist current_date
    current_time current_timestamp dense_rank exp extract first_value floor greatest grouping lag last_value lead
    least left length ln localtime localtimestamp log log10 lower lpad ltrim max min mod nth_value ntile nullif
    percent_rank position power radians rank replace reverse right round row_number rpad rtrim sign sin sqrt substr
    substring sum tan trim upper
"""

FUNCTIONS = {
    dialect: frozenset((*_EVERYWHERE.split(), *own.split()))
    for dialect, own in {
        "postgresql": """
            age array_agg array_length array_position array_to_string bit_and bit_length bit_or bool_and bool_or
            btrim cardinality cbrt char_length character_length chr clock_timestamp corr date_bin date_part
            date_trunc decode div encode every format generate_series initcap isempty isfinite json_agg
            json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
            json_each json_each_text json_extract_path json_extract_path_text json_object_agg json_to_record
            json_to_recordset json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text
            jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_exists
            jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_path_exists
            jsonb_to_record jsonb_to_recordset jsonb_typeof make_date make_interval make_time make_timestamp
            make_timestamptz md5 mode now num_nonnulls num_nulls octet_length overlay percentile_cont
            percentile_disc random regexp_count regexp_like regexp_match regexp_matches regexp_replace
            regexp_split_to_array regexp_split_to_table regexp_substr row_to_json sha224 sha256 sha384 sha512
            split_part starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array
            string_to_table strpos timezone to_char to_date to_json to_jsonb to_number to_timestamp
            transaction_timestamp translate trunc unnest var_pop var_samp variance width_bucket
        """,
        "sqlite": """
            date datetime format glob group_concat hex ifnull iif instr json_array json_array_length json_each
            json_extract json_group_array json_group_object json_object json_tree json_type json_valid julianday
            like printf quote random strftime time total typeof unicode unixepoch
        """,
        "mysql": """
            adddate addtime any_value bit_and bit_count bit_or char_length character_length concat_ws convert crc32
            curdate current_date current_time current_timestamp curtime date date_add date_format date_sub datediff
            day dayname dayofmonth dayofweek dayofyear elt field find_in_set format from_days from_unixtime
            group_concat hex hour if ifnull instr isnull json_array json_arrayagg json_contains json_extract
            json_length json_object json_objectagg json_table json_type json_unquote json_valid last_day lcase
            locate makedate md5 mid minute month monthname now pow quarter rand regexp_instr regexp_like
            regexp_replace regexp_substr second sha sha1 sha2 std stddev stddev_pop stddev_samp str_to_date strcmp
            subdate substring_index subtime sysdate time time_to_sec timediff timestamp timestampadd timestampdiff
            to_days truncate ucase unhex unix_timestamp utc_date utc_time utc_timestamp var_pop var_samp variance
            week weekday weekofyear yearweek
        """,
        "mssql": """
            charindex checksum choose concat_ws convert count_big datalength dateadd datediff datediff_big
            datefromparts datename datepart datetime2fromparts datetimefromparts day eomonth format getdate
            getutcdate grouping_id hashbytes iif isdate isjson isnull isnumeric json_query json_value len month
            openjson parse patindex percentile_cont percentile_disc replicate square stdev stdevp str string_agg
            string_split stuff sysdatetime sysdatetimeoffset sysutcdatetime translate try_cast try_convert try_parse
            var varp
        """,
        "oracle": """
            add_months decode from_tz hextoraw initcap instr json_exists json_query json_table json_value last_day
            lengthb listagg median months_between next_day numtodsinterval numtoyminterval nvl nvl2 ora_hash
            percentile_cont percentile_disc rawtohex regexp_count regexp_instr regexp_like regexp_replace
            regexp_substr remainder standard_hash stddev stddev_pop stddev_samp substrb sys_extract_utc to_char
            to_date to_dsinterval to_number to_timestamp to_timestamp_tz to_yminterval translate trunc var_pop
            var_samp variance
        """,
    }.items()
}
"""Names of functions, in lower case, by dialect of the connection."""
