#!/bin/sh
# Waits for Temporal, then registers Milepost's namespace and search attributes where they are missing.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_RETENTION (how long a closed workflow is kept).
set -eu

# One name and type a line: the same table as in sandbox/temporal.py (a test compares them).
search_attributes='
Tenant Keyword
OrderNumber Keyword
CustomerId Keyword
Stage Keyword
Carrier Keyword
TrackingNumber Keyword
Currency Keyword
Skus KeywordList
NeedsAttention Bool
TotalMinor Int
'

attempt() {
    tries=$1
    shift
    until "$@"; do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then
            echo "gave up: $*" >&2
            return 1
        fi
        sleep 2
    done
}

register_namespace() {
    temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
        temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
}

register_search_attributes() {
    # Existing ones are left as they are; one that exists with another type is an error.
    echo "$search_attributes" | while read -r name type; do
        [ -z "$name" ] || temporal operator search-attribute create --name "$name" --type "$type" || exit 1
    done
}

attempt 60 temporal operator cluster health
attempt 10 register_namespace
# A new namespace takes some seconds to be known to every part of the server.
attempt 10 register_search_attributes
