"""An OpenID Connect issuer of its own: real keys, real tokens, the two addresses that discovery needs."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "milepost"


class Issuer:
    """Publishes its keys on a port of this machine; signs with whichever it is told to."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.asked = 0
        issuer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Discovery and keys."""
                issuer.asked += 1
                body = json.dumps(issuer.published() if self.path == "/keys" else issuer.described()).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Gone."""
        self._server.shutdown()
        self._server.server_close()

    def described(self) -> dict[str, Any]:
        """OpenID Connect Discovery, section 3."""
        return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}

    def new_key(self, kid: str, kind: str = "RS256") -> None:
        """A key pair, published from now on."""
        self.keys[kid] = (
            rsa.generate_private_key(65537, 2048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )

    def published(self) -> dict[str, Any]:
        """The public halves (RFC 7517)."""
        return {"keys": [self._public(kid, key) for kid, key in self.keys.items()]}

    @staticmethod
    def _public(kid: str, key: Any) -> dict[str, Any]:
        elliptic = isinstance(key, ec.EllipticCurvePrivateKey)
        half = json.loads((ECAlgorithm if elliptic else RSAAlgorithm).to_jwk(key.public_key()))
        return {**half, "kid": kid, "use": "sig", "alg": "ES256" if elliptic else "RS256"}

    def token(self, kid: str, *, signed_with: Any = None, algorithm: str | None = None, **claims: Any) -> str:
        """A token for somebody of the staff, but for what is changed; a claim of None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "u-17", "iat": now, "exp": now + 300, "roles": ["support"]}
        told = usual | claims
        key = signed_with if signed_with is not None else self.keys[kid]
        named = algorithm or ("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
        told = {name: value for name, value in told.items() if value is not None}
        signed: str = jwt.encode(told, key, algorithm=named, headers={"kid": kid})
        return signed
