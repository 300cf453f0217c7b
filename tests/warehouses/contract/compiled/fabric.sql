CREATE TABLE "raw"."orders" (
"a_bigint" bigint  ,
"a_timestamp" datetime2(6)  ,
"a_decimal" decimal(38,9)  ,
"a_text" varchar(max)  ,
"a_bool" bit  ,
"a_json" varchar(max)  ,
"a_binary" varbinary(max)  ,
"a_date" date  ,
"a_time" time(6)  ,
"a_double" float  ,
"id" bigint  NOT NULL,
"_dlt_id" varchar(max)  NOT NULL)
CREATE TABLE "raw"."orders__lines" (
"n" bigint  ,
"_dlt_id" varchar(max)  NOT NULL,
"_dlt_root_id" varchar(max)  NOT NULL,
"_dlt_parent_id" varchar(max)  )
SELECT * INTO #orders_delete_<id> FROM (SELECT d."_dlt_id" FROM "raw"."orders" as d WHERE EXISTS (SELECT 1 FROM "raw_staging"."orders" as s WHERE d."id" = s."id")) as t
DELETE FROM "raw"."orders__lines"             WHERE "_dlt_root_id" IN (                 SELECT * FROM #orders_delete_<id>             );
DELETE FROM "raw"."orders"             WHERE "_dlt_id" IN (                 SELECT * FROM #orders_delete_<id>             );
SELECT * INTO #orders_insert_<id> FROM (                 SELECT "_dlt_id"                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY "id" ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, "_dlt_id"                         FROM "raw_staging"."orders"                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1)          ) as t
INSERT INTO "raw"."orders"("a_bigint", "a_timestamp", "a_decimal", "a_text", "a_bool", "a_json", "a_binary", "a_date", "a_time", "a_double", "id", "_dlt_id") SELECT "a_bigint", "a_timestamp", "a_decimal", "a_text", "a_bool", "a_json", "a_binary", "a_date", "a_time", "a_double", "id", "_dlt_id" FROM "raw_staging"."orders" WHERE "_dlt_id" IN (SELECT * FROM #orders_insert_<id>)
INSERT INTO "raw"."orders__lines"("n", "_dlt_id", "_dlt_root_id", "_dlt_parent_id")                  SELECT "n", "_dlt_id", "_dlt_root_id", "_dlt_parent_id"                     FROM (                         SELECT ROW_NUMBER() OVER (partition BY "_dlt_id" ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, "n", "_dlt_id", "_dlt_root_id", "_dlt_parent_id"                         FROM "raw_staging"."orders__lines"                     ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND ("_dlt_root_id" IN (SELECT * FROM #orders_insert_<id>))
SELECT TOP 1 [load_id], [schema_name], [schema_version_hash] FROM [raw].[_dlt_loads] WHERE [schema_name] = %s AND [status] = 0 ORDER BY CAST([load_id] AS FLOAT) DESC
