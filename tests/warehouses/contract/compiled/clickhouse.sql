CREATE TABLE `analytics`.`raw___orders` (
`a_bigint` Nullable(Int64),
`a_timestamp` Nullable(DateTime64(6,'UTC')),
`a_decimal` Nullable(Decimal(38,9)),
`a_text` Nullable(String),
`a_bool` Nullable(Boolean),
`a_json` Nullable(String),
`a_binary` Nullable(String),
`a_date` Nullable(Date),
`a_time` Nullable(String),
`a_double` Nullable(Float64),
`id` Int64,
`_dlt_id` String)
ENGINE = MergeTree
PRIMARY KEY (`id`)
CREATE TABLE `analytics`.`raw___orders__lines` (
`n` Nullable(Int64),
`_dlt_id` String,
`_dlt_root_id` String,
`_dlt_parent_id` Nullable(String))
ENGINE = MergeTree
PRIMARY KEY tuple()
CREATE OR REPLACE TABLE `analytics`.`raw_staging___orders_delete_l3arya` ENGINE = MergeTree PRIMARY KEY `_dlt_id` AS SELECT d.`_dlt_id` FROM `analytics`.`raw___orders` AS d JOIN `analytics`.`raw_staging___orders` AS s ON d.`id` = s.`id`
DELETE FROM `analytics`.`raw___orders__lines`             WHERE `_dlt_root_id` IN (                 SELECT * FROM `analytics`.`raw_staging___orders_delete_l3arya`             );
DELETE FROM `analytics`.`raw___orders`             WHERE `_dlt_id` IN (                 SELECT * FROM `analytics`.`raw_staging___orders_delete_l3arya`             );
CREATE OR REPLACE TABLE `analytics`.`raw_staging___orders_insert_3e3abg` ENGINE = MergeTree PRIMARY KEY `_dlt_id` AS                  SELECT `_dlt_id`                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY `id` ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, `_dlt_id`                         FROM `analytics`.`raw_staging___orders`                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1)
INSERT INTO `analytics`.`raw___orders`(`a_bigint`, `a_timestamp`, `a_decimal`, `a_text`, `a_bool`, `a_json`, `a_binary`, `a_date`, `a_time`, `a_double`, `id`, `_dlt_id`) SELECT `a_bigint`, `a_timestamp`, `a_decimal`, `a_text`, `a_bool`, `a_json`, `a_binary`, `a_date`, `a_time`, `a_double`, `id`, `_dlt_id` FROM `analytics`.`raw_staging___orders` WHERE `_dlt_id` IN (SELECT * FROM `analytics`.`raw_staging___orders_insert_3e3abg`)
INSERT INTO `analytics`.`raw___orders__lines`(`n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`)                  SELECT `n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY `_dlt_id` ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, `n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`                         FROM `analytics`.`raw_staging___orders__lines`                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (`_dlt_root_id` IN (SELECT * FROM `analytics`.`raw_staging___orders_insert_3e3abg`))
SELECT "load_id", "schema_name", "schema_version_hash" FROM "analytics"."raw____dlt_loads" WHERE "schema_name" = %s AND "status" = 0 ORDER BY CAST("load_id" AS Nullable(Float64)) DESC LIMIT 1
