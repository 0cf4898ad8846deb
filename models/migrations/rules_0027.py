"""The SQL of the migration of this number, as it was: never edited, a later migration changes it."""

_MOVES = """
refund_requests awaiting_approval approved
refund_requests awaiting_approval declined
refund_requests awaiting_approval expired
refund_requests approved failed
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

TRIGGERS = (
    (
        "CREATE TRIGGER legal_move BEFORE UPDATE OF state ON refund_requests FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
    ),
)
