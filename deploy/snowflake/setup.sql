-- Everything that this project needs of a Snowflake account, and no right more. Read it, put your own names and the
-- public key in, and run it once as a user who has SECURITYADMIN and SYSADMIN; running it again changes nothing.
--
-- Who may do what:
--   DATA_FOUNDATION   the service: writes RAW and RAW_STAGING, builds STAGING, INTERMEDIATE and MARTS
--   DATA_DEVELOPER    people with DEPLOYMENT=dev: schemas of their own, none of production's, which they may read
--   DATA_REPORTER     dashboards: reads MARTS

-- 1. Roles ------------------------------------------------------------------------------------------------------------
USE ROLE SECURITYADMIN;

CREATE ROLE IF NOT EXISTS DATA_FOUNDATION COMMENT = 'Loads sources and builds models';
CREATE ROLE IF NOT EXISTS DATA_DEVELOPER COMMENT = 'Loads and builds in schemas of a developer''s own';
CREATE ROLE IF NOT EXISTS DATA_REPORTER COMMENT = 'Reads the marts';
-- So that an administrator may look after what the roles own.
GRANT ROLE DATA_FOUNDATION TO ROLE SYSADMIN;
GRANT ROLE DATA_DEVELOPER TO ROLE SYSADMIN;
GRANT ROLE DATA_REPORTER TO ROLE SYSADMIN;

-- 2. Compute: the smallest, which stops a minute after its last statement ----------------------------------------------
USE ROLE SYSADMIN;

CREATE WAREHOUSE IF NOT EXISTS LOADING
    WAREHOUSE_SIZE = XSMALL
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE
    STATEMENT_TIMEOUT_IN_SECONDS = 3600
    COMMENT = 'Loads of the data foundation, and its models';
GRANT USAGE ON WAREHOUSE LOADING TO ROLE DATA_FOUNDATION;
GRANT USAGE ON WAREHOUSE LOADING TO ROLE DATA_DEVELOPER;
GRANT USAGE ON WAREHOUSE LOADING TO ROLE DATA_REPORTER;

-- 3. Database and schemas ---------------------------------------------------------------------------------------------
CREATE DATABASE IF NOT EXISTS ANALYTICS DATA_RETENTION_TIME_IN_DAYS = 7;
CREATE SCHEMA IF NOT EXISTS ANALYTICS.RAW;
-- What is merged passes through here: no fail-safe and no time travel is paid for it.
CREATE TRANSIENT SCHEMA IF NOT EXISTS ANALYTICS.RAW_STAGING DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE SCHEMA IF NOT EXISTS ANALYTICS.STAGING;
CREATE SCHEMA IF NOT EXISTS ANALYTICS.INTERMEDIATE;
CREATE SCHEMA IF NOT EXISTS ANALYTICS.MARTS;

-- 4. The service: tables and views in five schemas. It owns what it creates, stages of tables included, and so needs no
--    right on tables, no CREATE SCHEMA, no CREATE STAGE and no ownership of a schema.
GRANT USAGE ON DATABASE ANALYTICS TO ROLE DATA_FOUNDATION;
GRANT USAGE, CREATE TABLE ON SCHEMA ANALYTICS.RAW TO ROLE DATA_FOUNDATION;
GRANT USAGE, CREATE TABLE ON SCHEMA ANALYTICS.RAW_STAGING TO ROLE DATA_FOUNDATION;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ANALYTICS.STAGING TO ROLE DATA_FOUNDATION;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ANALYTICS.INTERMEDIATE TO ROLE DATA_FOUNDATION;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ANALYTICS.MARTS TO ROLE DATA_FOUNDATION;

-- 5. Developers: schemas of their own (raw__anna, staging__anna, ...); of production's they read, and write nothing ------
GRANT USAGE, CREATE SCHEMA ON DATABASE ANALYTICS TO ROLE DATA_DEVELOPER;
GRANT USAGE ON SCHEMA ANALYTICS.RAW TO ROLE DATA_DEVELOPER;
GRANT USAGE ON SCHEMA ANALYTICS.MARTS TO ROLE DATA_DEVELOPER;

-- 6. Readers ----------------------------------------------------------------------------------------------------------
GRANT USAGE ON DATABASE ANALYTICS TO ROLE DATA_REPORTER;
GRANT USAGE ON SCHEMA ANALYTICS.MARTS TO ROLE DATA_REPORTER;

-- Tables that a load or a build makes tomorrow can be read at once. A replace empties and fills a table within one
-- transaction, so grants that somebody has made by hand stay as well.
USE ROLE SECURITYADMIN;
GRANT SELECT ON FUTURE TABLES IN SCHEMA ANALYTICS.RAW TO ROLE DATA_DEVELOPER;
GRANT SELECT ON FUTURE TABLES IN SCHEMA ANALYTICS.MARTS TO ROLE DATA_DEVELOPER;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ANALYTICS.MARTS TO ROLE DATA_DEVELOPER;
GRANT SELECT ON FUTURE TABLES IN SCHEMA ANALYTICS.MARTS TO ROLE DATA_REPORTER;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ANALYTICS.MARTS TO ROLE DATA_REPORTER;

-- 7. The service's user: it signs in with a key, never with a password -------------------------------------------------
--    openssl genrsa 2048 | openssl pkcs8 -topk8 -v2 aes-256-cbc -inform PEM -out rsa_key.p8
--    openssl rsa -in rsa_key.p8 -pubout     (the lines between BEGIN and END are the key)
CREATE USER IF NOT EXISTS DATA_FOUNDATION_SERVICE
    TYPE = SERVICE
    DEFAULT_ROLE = DATA_FOUNDATION
    DEFAULT_WAREHOUSE = LOADING
    DEFAULT_NAMESPACE = ANALYTICS.RAW
    RSA_PUBLIC_KEY = 'MIIB...'
    COMMENT = 'Dagster runs and dbt builds';
GRANT ROLE DATA_FOUNDATION TO USER DATA_FOUNDATION_SERVICE;

-- 8. From where it signs in: name the addresses of your deployment, then take the two lines in --------------------------
-- CREATE NETWORK POLICY IF NOT EXISTS DATA_FOUNDATION_ADDRESSES ALLOWED_IP_LIST = ('203.0.113.0/28');
-- ALTER USER DATA_FOUNDATION_SERVICE SET NETWORK_POLICY = DATA_FOUNDATION_ADDRESSES;

-- 9. Another key, without a night run missed: register it as the second, deploy its private half, then forget the first.
-- ALTER USER DATA_FOUNDATION_SERVICE SET RSA_PUBLIC_KEY_2 = 'MIIB...';
-- (deploy SNOWFLAKE_PRIVATE_KEY_PATH, see a run succeed)
-- ALTER USER DATA_FOUNDATION_SERVICE UNSET RSA_PUBLIC_KEY;
-- (next time the other way round)
