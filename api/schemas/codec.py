"""What the Temporal UI sends to a codec server, and gets back: payloads as protobuf writes them in JSON."""

from pydantic import BaseModel, ConfigDict, Field


class PayloadIO(BaseModel):
    """One payload; every value is base64."""

    model_config = ConfigDict(extra="allow", strict=True)

    metadata: dict[str, str] = {}
    data: str = ""


class PayloadsIO(BaseModel):
    """Several, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "ImhlbGxvIg=="}]}]
        }
    )

    payloads: list[PayloadIO] = Field(max_length=1000)
