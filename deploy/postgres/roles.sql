-- Roles and databases of Milepost and Temporal on one PostgreSQL server (15 or newer). Run by psql as an administrator,
-- a superuser or a role with CREATEROLE and CREATEDB; running it again changes nothing but the passwords.
--
--   milepost_owner  owns the database `milepost` and runs its migrations
--   milepost_app    is what the API and the worker connect as; row-level security binds it
--   temporal        owns `temporal` and `temporal_visibility`
--
-- Passwords come from the environment, so that none is on a command line.
\set ON_ERROR_STOP on
\getenv owner_password MILEPOST_OWNER_PASSWORD
\getenv app_password MILEPOST_APP_PASSWORD
\getenv temporal_password TEMPORAL_DB_PASSWORD

SELECT format(
    'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', wanted.name
)
FROM (VALUES ('milepost_owner'), ('milepost_app'), ('temporal')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
\gexec

ALTER ROLE milepost_owner PASSWORD :'owner_password';
ALTER ROLE milepost_app PASSWORD :'app_password';
ALTER ROLE temporal PASSWORD :'temporal_password';

-- An administrator who is no superuser (a managed server's) may give a database only to a role it is a member of.
SELECT format('GRANT %I TO CURRENT_USER', wanted.name)
FROM (VALUES ('milepost_owner'), ('temporal')) AS wanted (name)
WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER)
\gexec

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', wanted.name, wanted.owner)
FROM (
    VALUES ('milepost', 'milepost_owner'), ('temporal', 'temporal'), ('temporal_visibility', 'temporal')
) AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = wanted.name)
\gexec

-- By default every role may connect to every database.
SET ROLE milepost_owner;
REVOKE ALL ON DATABASE milepost FROM PUBLIC;
GRANT CONNECT ON DATABASE milepost TO milepost_app;
SET ROLE temporal;
REVOKE ALL ON DATABASE temporal, temporal_visibility FROM PUBLIC;
RESET ROLE;

-- A role that was here before may have more rights than it should: then nothing starts.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_roles
        WHERE rolname = 'milepost_app'
            AND (rolsuper OR rolbypassrls OR pg_has_role(oid, 'milepost_owner', 'MEMBER'))
    ) THEN
        RAISE EXCEPTION 'milepost_app is a superuser, bypasses row-level security or is a member of milepost_owner';
    END IF;
END
$$;
