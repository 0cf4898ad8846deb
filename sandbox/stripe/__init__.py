"""A stand-in for Stripe's API, for machines without an account; it keeps Stripe's documented behaviour.

Start it with `python -m sandbox.stripe --port N --api-key sk_test_…`, and as wished `--host`, `--state FILE`,
`--webhook-url URL --webhook-secret whsec_…` (both again for each further endpoint), `--webhook-events A,B` (the types
that they get; all when left out), `--public-url URL`, `--publishable-key pk_test_…`, `--api-version V`,
`--search-lag SECONDS`. Then point the SDK's API base at it.

Controls, without authentication, JSON in and out:

- `GET /healthz`: it is up.
- `GET /_control/state`: counts, sums by currency, and one line a payment intent (`summary.py`).
- `POST /_control/reset`: an empty account, present time, no faults; the webhook endpoints stay.
- `POST /_control/advance {"seconds": N}`: moves the clock; authorizations expire, refunds settle, disputes
  end, money becomes available, keys age.
- `POST /_control/webhooks {"mode": "normal|hold|drop", "duplicate": n, "delay_seconds": s, "reorder": bool,
  "endpoints": [{"url", "secret", "enabled_events"}]}`: how deliveries behave; what is left out goes back to
  normal, endpoints stay. `reorder` sends the events of a request backwards.
- `POST /_control/webhooks/release {"reorder": bool}`: sends what was held and goes back to normal.
- `POST /_control/webhooks/resend {"event_id": "evt_…"}`: delivers an event again.
- `POST /_control/faults` takes the fields of `faults.FaultOrder`; `GET` lists and `DELETE` clears them. An
  operation is one of `routes.py`, such as `payment_intents.create` or `refunds.create`, or a pattern (`*`).
  `before`: nothing is processed. `after`: processed, the answer lost or replaced. `hang`: silence, nothing
  processed. A 5xx is kept for its idempotency key and replayed, as Stripe does; a 409, a 429 and a connection
  dropped before processing are not. With `idempotency_key` (a pattern) or `payment_intent` (an id) a fault is
  for those requests alone. Faults live in memory only.
- `POST /_control/disputes {"payment_intent": "pi_…", "amount": n, "reason": "…", "inquiry": bool}`: the bank disputes
  a captured charge; all but the intent may be left out. Answers with the dispute, 409 when nothing was captured.
- `POST /_control/disputes/{id}/end {"outcome": "won|lost"}`: the bank decides; 409 when it has.
- `POST /_control/search {"lag_seconds": s}`: new intents stay invisible to search that long.
- `GET /3ds/{intent}`, `POST /3ds/{intent}/pass|fail`: the bank's page of 3-D Secure.
"""
