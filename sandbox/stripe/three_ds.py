"""The bank's page of 3-D Secure: two buttons in place of a one-time code."""

from html import escape

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from sandbox.stripe import attempts
from sandbox.stripe.account import Account
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import format_amount
from sandbox.stripe.errors import StripeError

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>3-D Secure test page</title>
<style>body{{font:16px system-ui;max-width:28rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem}}</style>
<h1>Test bank</h1><p>{text}</p>{forms}</html>"""
FORM = '<form method="post" action="/3ds/{key}/{act}" style="display:inline"><button>{label}</button></form> '


def show(account: Account, key: str) -> Response:
    """`GET /3ds/{intent}`."""
    intent = account.all("payment_intent").get(key)
    if intent is None:
        return HTMLResponse(PAGE.format(text="There is no such payment.", forms=""), 404)
    amount = escape(format_amount(intent["amount"], intent["currency"]))
    if intent["status"] != "requires_action":
        return HTMLResponse(PAGE.format(text=f"{amount}: there is nothing to authenticate.", forms=""))
    forms = "".join(FORM.format(key=escape(key), act=act, label=act.title()) for act in ("pass", "fail"))
    return HTMLResponse(PAGE.format(text=f"Do you approve the payment of {amount}?", forms=forms))


def finish(account: Account, key: str, act: str) -> Response:
    """`POST /3ds/{intent}/pass|fail`: back to the shop's `return_url`, or the outcome as JSON without one."""
    call = Call(account, f"3ds.{act}", {}, key)
    try:
        intent = attempts.authenticate(call, passed=act == "pass")
    except StripeError as error:
        return JSONResponse({"error": {"message": error.message, "code": error.code}}, error.status)
    finally:
        account.commit()
    back: str | None = intent.get("_return_url")
    if back is None:
        return JSONResponse({"id": key, "status": intent["status"]}, headers={"Access-Control-Allow-Origin": "*"})
    joint = "&" if "?" in back else "?"
    query = f"payment_intent={key}&payment_intent_client_secret={intent['client_secret']}"
    return RedirectResponse(
        f"{back}{joint}{query}&source_type=card&redirect_status={_redirect_status(intent['status'])}", 303
    )


def _redirect_status(status: str) -> str:
    return "succeeded" if status in ("succeeded", "requires_capture") else "failed"
