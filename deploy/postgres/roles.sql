-- Makes (or mends) the two roles and the database. Run once by a superuser, with psql, on an empty server:
--   BILLING_OWNER_PASSWORD=... BILLING_APP_PASSWORD=... psql -v ON_ERROR_STOP=1 -f deploy/postgres/roles.sql
-- The owner migrates. The application's role owns nothing, so that row-level security binds it.
\getenv owner_password BILLING_OWNER_PASSWORD
\getenv app_password BILLING_APP_PASSWORD
SELECT 'CREATE ROLE billing_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_owner') \gexec
SELECT 'CREATE ROLE billing_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_app') \gexec
ALTER ROLE billing_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB PASSWORD :'owner_password';
ALTER ROLE billing_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'app_password';
SELECT 'CREATE DATABASE billing OWNER billing_owner'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'billing') \gexec
\connect billing
\ir grants.sql
