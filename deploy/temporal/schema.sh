#!/bin/sh
# Brings Temporal's two databases to the schema of this image's server version. Both exist and belong to the role
# `temporal` (deploy/postgres/roles.sql), which therefore needs no right to create databases.
# Running it again applies only what is missing. Reads SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

versions=/etc/temporal/schema/postgresql/v12

upgrade() {
    database=$1
    schema=$2
    # Version 0.0 makes the version tables; on a database that is further along it changes nothing.
    SQL_DATABASE=$database temporal-sql-tool setup-schema -v 0.0
    SQL_DATABASE=$database temporal-sql-tool update-schema -d "$versions/$schema/versioned"
}

upgrade temporal temporal
upgrade temporal_visibility visibility
