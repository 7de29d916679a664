"""``POST /api/<service>/v1/rebuild``: an administrator has a service's projection rebuilt."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.runtime.problems import Problem
from radbridge.runtime.rebuild import Rebuilder, RebuildStopped, RebuildUnderWay
from radbridge.runtime.security.principal import Principal, require


class RebuildAnswer(BaseModel):
    """What the rebuild did."""

    group: str
    events: int = Field(description="Messages that were read")
    applied: int
    skipped: int = Field(description="Older than what was applied, or repeats")
    left_dead: int = Field(description="Dead letters that were never put back; they stay")
    failed: int = Field(description="Could not be handled now; they are dead letters")


def router(service: str, group: str, rebuilder: Rebuilder) -> APIRouter:
    """The route of one service."""
    api = APIRouter(prefix=f"/api/{service}/v1", tags=["rebuild"])

    @api.post("/rebuild")
    async def rebuild(_: Annotated[Principal, Depends(require("admin"))]) -> RebuildAnswer:
        """Empty the projection and make it again from every event; answers when it is complete.

        Nothing is sent or called. Meanwhile answers from the projection are incomplete.
        """
        try:
            done = await rebuilder.run()
        except RebuildUnderWay as error:
            raise Problem(409, "A rebuild is under way", str(error)) from None
        except RebuildStopped as error:
            raise Problem(500, "The rebuild stopped; see the dead letters and repeat it", str(error)) from None
        return RebuildAnswer(
            group=group,
            events=done.events,
            applied=done.applied,
            skipped=done.skipped,
            left_dead=done.left_dead,
            failed=done.failed,
        )

    return api
