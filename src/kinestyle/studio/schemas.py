"""What goes over the HTTP interface, for checking and for its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kinestyle.runtime.root import Root

JOB = r"^[A-Za-z0-9_-]{1,64}$"

JobName = Annotated[str, Field(pattern=JOB, description="A name of the client's choice, to ask for progress or to cancel.")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
ENDING = r"^\.[a-z0-9]{1,8}$"


class Failure(BaseModel):
    status: int
    message: str = Field(description="One sentence, fit to be shown.")


class ErrorAnswer(BaseModel):
    """Every refusal looks like this."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"error": {"status": 404, "message": "there is no such clip; send it again"}}}
    )

    error: Failure


class Health(BaseModel):
    status: Literal["ok", "starting"]
    version: str
    bundle: str
    workers: int = Field(description="Workers that are ready.")
    uptime_seconds: float
    boot: str = Field(description="Another one after every start of the server, which forgets all clips.")


class Formats(BaseModel):
    read: list[str]
    write: list[str]


class StyleRow(BaseModel):
    name: str
    label: str
    seconds: float
    default: bool = Field(description="Whether the label alone means this one.")


class Styles(BaseModel):
    bundle: str
    styles: list[StyleRow]


class Example(BaseModel):
    example: str
    title: str


class StylizeRequest(BaseModel):
    """Exactly one of: `style` and `like` together or alone, or `random`."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [{"style": "old", "strength": 0.8}, {"style": ["old", "proud"], "weights": [0.7, 0.3]}, {"random": True}]
        },
    )

    style: Name | list[Name] | None = Field(None, description="Names or labels of styles, see `/api/styles`.")
    like: Name | list[Name] | None = Field(None, description="Ids of clips whose manner is taken.")
    random: bool = Field(False, description="A manner without any cue; every seed is another.")
    weights: list[Annotated[float, Field(ge=0.0, le=1e6)]] | None = Field(
        None, max_length=64, description="The share of each style, then of each reference clip."
    )
    strength: float = Field(1.0, ge=0.0, le=1.5, description="0 changes nothing, 1 is the style.")
    seed: int = Field(0, ge=0, lt=2**32, description="0 is the middle of a style, all other numbers are draws.")
    root: Root = Field("planted", description="How the result travels over the ground.")
    job: JobName | None = None


class ClipAnswer(BaseModel):
    """A clip that the server keeps."""

    id: str
    name: str
    format: str
    frame_count: int
    frame_time_seconds: float
    duration_seconds: float
    joint_count: int
    expires_in_seconds: float
    inspection: dict[str, Any] = Field(description="What `kinestyle inspect --json` prints.")
    warnings: list[str]
    request: dict[str, Any] | None = Field(description="What made it; null for an upload.")
    of: str | None = Field(description="The clip it was made from; null for an upload.")
    command: str | None = Field(description="The command line that makes the same file; null for an upload.")


class JobAnswer(BaseModel):
    stage: str
    share: float = Field(ge=0.0, le=1.0)
