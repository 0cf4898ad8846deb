-- Milepost's roles and databases, for psql as an administrator of the server. Harmless to run again; it then sets the
-- passwords anew. The postgres image runs it once, on an empty volume; for a managed server see docs/deploy.md.
--   milepost_owner  owns the database and its tables; migrations only
--   milepost_app    what the API and the worker are: owns nothing, bound by row-level security
--   temporal        owns Temporal's databases; only if TEMPORAL_DB_PASSWORD is set
\set ON_ERROR_STOP on
\getenv owner_password MILEPOST_OWNER_PASSWORD
\getenv app_password MILEPOST_APP_PASSWORD
\getenv temporal_password TEMPORAL_DB_PASSWORD

SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['milepost_owner', 'milepost_app']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE milepost_owner LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE milepost_app LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'app_password';

-- Only a superuser may name these two attributes, and a managed server's administrator seldom is one. A role that is
-- just made has neither; whoever has one of them must not become the application.
SELECT count(*) > 0 AS too_mighty
FROM pg_roles
WHERE rolname IN ('milepost_owner', 'milepost_app') AND (rolsuper OR rolbypassrls) \gset
\if :too_mighty
    ALTER ROLE milepost_owner NOSUPERUSER NOBYPASSRLS;
    ALTER ROLE milepost_app NOSUPERUSER NOBYPASSRLS;
\endif

-- To give a database to another role, one must be a member of it.
GRANT milepost_owner TO CURRENT_USER;
SELECT 'CREATE DATABASE milepost OWNER milepost_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'milepost') \gexec
REVOKE ALL ON DATABASE milepost FROM PUBLIC;
GRANT CONNECT ON DATABASE milepost TO milepost_app;

\if :{?temporal_password}
    SELECT 'CREATE ROLE temporal' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'temporal') \gexec
    -- CREATEDB: temporal-sql-tool's create-database asks for the right even when the database is there.
    ALTER ROLE temporal LOGIN CREATEDB NOCREATEROLE PASSWORD :'temporal_password';
    GRANT temporal TO CURRENT_USER;
    SELECT format('CREATE DATABASE %I OWNER temporal', name)
    FROM unnest(ARRAY['temporal', 'temporal_visibility']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
    REVOKE ALL ON DATABASE temporal, temporal_visibility FROM PUBLIC;
\endif
