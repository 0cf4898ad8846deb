"""The shapes of requests and answers, a file a resource. Amounts are integers of minor units; times RFC 3339 in UTC."""
