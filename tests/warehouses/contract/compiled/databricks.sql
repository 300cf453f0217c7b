CREATE TABLE `analytics`.`raw`.`orders` (
`a_bigint` BIGINT  ,
`a_timestamp` TIMESTAMP  ,
`a_decimal` DECIMAL(38,9)  ,
`a_text` STRING  ,
`a_bool` BOOLEAN  ,
`a_json` STRING  ,
`a_binary` BINARY  ,
`a_date` DATE  ,
`a_time` STRING  ,
`a_double` DOUBLE  ,
`id` BIGINT  NOT NULL,
`_dlt_id` STRING  NOT NULL)
CREATE TABLE `analytics`.`raw`.`orders__lines` (
`n` BIGINT  ,
`_dlt_id` STRING  NOT NULL,
`_dlt_root_id` STRING  NOT NULL,
`_dlt_parent_id` STRING  )
CREATE TEMPORARY VIEW orders_delete_<id> AS SELECT d.`_dlt_id` FROM `analytics`.`raw`.`orders` as d WHERE EXISTS (SELECT 1 FROM `analytics`.`raw_staging`.`orders` as s WHERE d.`id` = s.`id`)
MERGE INTO `analytics`.`raw`.`orders__lines`         USING orders_delete_<id>         ON `analytics`.`raw`.`orders__lines`.`_dlt_root_id` = orders_delete_<id>.`_dlt_id`         WHEN MATCHED THEN DELETE
MERGE INTO `analytics`.`raw`.`orders`         USING orders_delete_<id>         ON `analytics`.`raw`.`orders`.`_dlt_id` = orders_delete_<id>.`_dlt_id`         WHEN MATCHED THEN DELETE
CREATE TEMPORARY VIEW orders_insert_<id> AS                  SELECT `_dlt_id`                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY `id` ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, `_dlt_id`                         FROM `analytics`.`raw_staging`.`orders`                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1)
INSERT INTO `analytics`.`raw`.`orders`(`a_bigint`, `a_timestamp`, `a_decimal`, `a_text`, `a_bool`, `a_json`, `a_binary`, `a_date`, `a_time`, `a_double`, `id`, `_dlt_id`) SELECT `a_bigint`, `a_timestamp`, `a_decimal`, `a_text`, `a_bool`, `a_json`, `a_binary`, `a_date`, `a_time`, `a_double`, `id`, `_dlt_id` FROM `analytics`.`raw_staging`.`orders` WHERE `_dlt_id` IN (SELECT * FROM orders_insert_<id>)
INSERT INTO `analytics`.`raw`.`orders__lines`(`n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`)                  SELECT `n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY `_dlt_id` ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, `n`, `_dlt_id`, `_dlt_root_id`, `_dlt_parent_id`                         FROM `analytics`.`raw_staging`.`orders__lines`                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (`_dlt_root_id` IN (SELECT * FROM orders_insert_<id>))
SELECT `load_id`, `schema_name`, `schema_version_hash` FROM `analytics`.`raw`.`_dlt_loads` WHERE `schema_name` = %s AND `status` = 0 ORDER BY CAST(`load_id` AS DOUBLE) DESC LIMIT 1
