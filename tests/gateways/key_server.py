"""A sender with RSA keys of its own: signs, and publishes its key as a JWK Set. The keys are the tests' alone."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


class RsaPair(NamedTuple):
    """Modulus and private exponent; the public one is 65537."""

    modulus: int
    private: int


OURS = RsaPair(
    int(
        "94764a9ee6be2382a6d0a3c533502463b2e5150151f7ef4d9d4fa22e5329a547394e35c69850380bc111225c02aadfd703d5"
        "bb0063aeb20f2f99acf1a51c5f46808d2977904d0d5e7aacdb32ad7176d1879adf5bb54953575195e4655bf2bfcc532dd6e8"
        "97eb002da663fbb35514e88d9fba5315ae261cc65a77e2f35e3e27befcb740cbf27ec0fb07663138bc3aad2e4d3084d5745a"
        "e33a7c4d8f56aa85febcfad8aba8faa1f7a55f2466edc8f0567f236cd6f0754b032ecc65b9715939aadae9b942493725675a"
        "d6fc42563a91871f130b0bbd044e5598fcf8ecfb0826cc7895c4b888ef976d17564dc724bd850b4891f44c8fed8a3db9e4af"
        "500ec7abf82b",
        16,
    ),
    int(
        "4aaa335d372ee92d0c3862250b6982e3a15514fb54fe1c9c2c41a08f2bc4061b8bf68995178540aaa8aeb55910fe5f150418"
        "b9b3b86e639ebf91ca28bda147496ddd90bd51156f63d4ce9a6f224bae3632bcf1186e543255f7f22aabcf5286a37c31d1a3"
        "a8c3c7932ddb9afad60f6de5cc2f2919fe3bacbd1542b6212f8492f7f64c2872d282ef686bcf5761ea9174afe24ba133dc49"
        "3aa31d27cf61d0b156c794bc4edcc542ea7ae1f896b9d67f6a9a24daae4e4698ab4e7707f86867886504eb535436ec57b135"
        "866ba9de7c22e88f1eedb4332ac9274d89303b4c4a26e506587f9350f357d6f7a73d12c021b4d4099ce9ae596fe561c679be"
        "43d305b5241",
        16,
    ),
)
OTHER = RsaPair(
    int(
        "ace65f1bf45c1a6cb3799ae3e26c97c4bf2a62a827b2d772d16e3d9979eaad506c74517ddaeab389da920c00ee7c83a770fc"
        "c3f27779a0bf02de2435df4de37f387fbc7c74d6290b71e667a3c31826dbf23c2502f3e1cb32afd489351396d410e47c0804"
        "0e2596a5e0319bd26105d1355bd164dca26fd791038ebbddee4e70b7f31b98bbcf17990a93e5580e7eccbb061fe981f527b0"
        "405eba39a0d169a547f8a67627921b5c2843979ed3c8a0d978b9b382834b7d5949d862c063260b0b0aa1fd34ba933a0965e3"
        "094d086c48070f3a1954bcce937e6c952202e0254959e79e467166c394fbd0d953c0415f587c9434f39229e054646e5f5681"
        "01b22e561cf3",
        16,
    ),
    int(
        "7e9cd4d92bc0a6b92354d1d03f67365ca580ec6e276417d1c4fbedb00e4f844b78a0556ccc7b42ae98988aa1c402fa860b7f"
        "8e1e68cf709f70022c9226cc6ae42703a38ba023943b0555ac5f87e68fce513d29fd578ae9ba5c784f61c6ce94cd2a0489fa"
        "2e41e867e01d73f643867705940f6ac5074ecf9529fdc42568f598246829e9e16c37a485126cbdafbd1f39984e5c98620a7b"
        "989133d2fe6cc854a91c3fbc26b92d2d8ab7dadb9cbfbd696b774ef8076e7d16937f7264192d8a764add879d394d1420d4d1"
        "e46d745b6f78037044793a58587fa803e9e201f0f94d438099673a52bfebb99f5d5e0e2f765eb12b2f93239b574444e25451"
        "ee637e67865",
        16,
    ),
)


def rsa_sign(pair: RsaPair, message: bytes) -> str:
    """PKCS #1 v1.5 with SHA-256, in base64."""
    tail = _SHA256 + hashlib.sha256(message).digest()
    block = b"\x00\x01" + b"\xff" * (256 - len(tail) - 3) + b"\x00" + tail
    return base64.b64encode(pow(int.from_bytes(block), pair.private, pair.modulus).to_bytes(256)).decode()


def b64url(number: int) -> str:
    """As a JWK writes a number."""
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyServer:
    """Publishes `OURS` under the key id `ours`; counts how often it was asked."""

    def __init__(self) -> None:
        self.fetched = 0
        server = self
        ours = {"kty": "RSA", "kid": "ours", "n": b64url(OURS.modulus), "e": "AQAB"}
        body = json.dumps({"keys": [ours, {"kty": "EC", "kid": "elliptic"}]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.fetched += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
