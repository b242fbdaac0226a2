#!/bin/sh
# Run once by the postgres image, on an empty data folder. Needs BILLING_OWNER_PASSWORD and BILLING_APP_PASSWORD.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --set ON_ERROR_STOP=1 --file /deploy/roles.sql
