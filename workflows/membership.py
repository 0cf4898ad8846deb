"""A membership: joined with a first payment, renewed period by period, until it is cancelled or not paid any more."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.memberships import MembershipActivities
from activities.payments import PaymentActivities
from domain.joining import (
    CancelMembership,
    CardRefused,
    ChangeCard,
    ChangeMembership,
    ChangeTier,
    EndMembership,
    FindTerms,
    FlagMembership,
    KeepCard,
    MembershipAnswer,
    MembershipInput,
    MembershipOpened,
    Progress,
    ResumeMembership,
)
from domain.memberships import RefundPolicy, period_start, unused_minor
from domain.payments import PaymentCancelled, PaymentDeclined, PaymentNews, SavedCard
from domain.refusals import Refusal, RefusalCode
from domain.states import MEMBERSHIP_MOVES, MembershipState, is_terminal
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story
from workflows.dues import Dues, due, refund_of_period
from workflows.policies import LOOK_WITHOUT_NEWS, in_database, keep_what_is_known

RENEWALS_IN_A_RUN = 12
"""After so many, or when Temporal advises it, the membership goes on in a new run with a short history."""

Request = CancelMembership | ResumeMembership | ChangeCard | ChangeTier


@dataclass(slots=True)
class _Act:
    """Something a customer or support asked for, until it is done; `refused` says why it was not."""

    request: Request
    done: bool = False
    refused: Refusal | None = None


@workflow.defn(name="Membership")
class MembershipWorkflow:
    """One membership, `membership/{tenant}/{membership id}`; ends as a `MembershipAnswer` in a terminal state.

    One thing at a time: what is asked of it waits until the charge that is under way has its outcome.
    """

    @workflow.init
    def __init__(self, asked: MembershipInput) -> None:
        self._in = asked
        self._progress = asked.progress
        self._answer: MembershipAnswer | None = None
        self._acts: list[_Act] = []
        self._news = False
        self._waiting = False
        self._looks = self._turns = 0
        self._renewals = 0
        self._dues: Dues | None = None
        self._story = Story(f"Membership {asked.plan_id}/{asked.tier_id}")
        if asked.progress:
            self._go_on(asked.progress)

    @workflow.run
    async def run(self, asked: MembershipInput) -> MembershipAnswer:
        """Join → renew at the end of each period → end."""
        if self._progress is None:
            await self._join()
        while not self._ended:
            if self._history_is_long and not self._acts and workflow.all_handlers_finished():
                workflow.continue_as_new(replace(asked, progress=self._going))
            if await self._lasts_its_period():
                await self._renew_or_end()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._final()

    async def _join(self) -> None:
        """Agree to the terms, then the first payment: by the server, by the browser, with 3-D Secure if it must be."""
        asked = self._in
        opened: MembershipOpened = await in_database(MembershipActivities.open, asked, "Agree to the terms")
        if opened.terms is None:
            self._tell(MembershipState.FAILED, opened.refusal)
            return
        if opened.progress is not None:
            self._go_on(opened.progress)
            return
        left = opened.left_open
        anchor = left.starts_at if left else workflow.now()
        deadline = anchor + timedelta(seconds=asked.payment_seconds)
        begin = due(asked.tenant, asked.membership_id, opened.terms, anchor, 0)
        self._dues = dues = Dues(
            self,
            replace(begin, off_session=False, payment_method=asked.payment_method, return_url=asked.return_url),
        )
        if left is not None:
            await dues.adopt(left)
        elif asked.payment_seconds:
            await keep_what_is_known()
            await dues.charge()
        while not dues.paid:
            refusal = self._why_not_joined(dues)
            if refusal is None and workflow.now() < deadline:
                self._tell(MembershipState.PENDING)
                await self._wait(deadline)
                if not self._acts:
                    await dues.look()
                    continue
                refusal = _cancelled("Given up before it was paid.")
            if await dues.withdraw():
                refusal = refusal or Refusal(RefusalCode.RESERVATION_EXPIRED, "The first payment was not confirmed.")
                cancelled = refusal.code is RefusalCode.CANCELLED_BY_SHOPPER
                await self._end(MembershipState.CANCELLED if cancelled else MembershipState.FAILED, refusal, dues)
                return
        self._progress = Progress(opened.terms, anchor, 0)
        self._story.add(workflow.now(), f"Joined; paid until {self._period_ends:%d %b %Y}")
        self._tell(MembershipState.ACTIVE)

    def _go_on(self, progress: Progress) -> None:
        """Where another run, or another process, has left it."""
        self._progress = progress
        self._story.add(workflow.now(), f"Goes on in period {progress.period}")
        self._tell(MembershipState.ACTIVE)

    def _why_not_joined(self, dues: Dues) -> Refusal | None:
        """A card given by the server is final; in the browser the customer may try another."""
        if isinstance(dues.fact, PaymentCancelled):
            return Refusal(RefusalCode.PAYMENT_REJECTED, "The payment was cancelled at the payment provider.")
        if isinstance(dues.fact, PaymentDeclined) and self._in.payment_method is not None:
            return dues.fact.refusal
        return None

    async def _lasts_its_period(self) -> bool:
        """What is asked for meanwhile is done, one after the other. False: it was cancelled at once."""
        while not self._ended and workflow.now() < self._period_ends:
            what = "Ends" if self._going.ends_with_period else "Renew"
            await self._wait(self._period_ends, what)
            await self._do_acts()
        return not self._ended

    async def _renew_or_end(self) -> None:
        if self._going.ends_with_period:
            await self._end(MembershipState.CANCELLED, _cancelled("It ended with the period that was paid."))
        else:
            await self._renew()

    async def _renew(self) -> None:
        """Charge the kept card; retry by the schedule; the customer may pay or give another card; lapse after grace."""
        going, number = self._going, self._going.period + 1
        terms = going.next_terms or going.terms
        ended = self._period_ends
        grace = ended + timedelta(seconds=going.terms.grace_seconds)
        tries = [ended + timedelta(seconds=after) for after in sorted(going.terms.retry_seconds)]
        self._dues = dues = Dues(self, due(self._in.tenant, self._in.membership_id, terms, going.anchor, number))
        self._looks = 0
        await dues.charge()
        while not dues.paid:
            self._tell(MembershipState.PAST_DUE)
            following = min([at for at in tries if at > workflow.now()], default=grace)
            if workflow.now() >= grace:
                if await dues.withdraw():
                    message = "The period was not paid within the time of grace."
                    await self._end(MembershipState.LAPSED, Refusal(RefusalCode.NOT_RENEWED, message), dues)
                    return
                continue
            in_time = await self._wait(min(following, grace), "Try again" if following < grace else "Grace ends")
            await self._do_acts()
            if self._ended:
                return
            if not dues.paid:
                await (dues.look() if in_time else dues.try_again())
        self._renewals += 1
        self._progress = replace(going, terms=terms, period=number, next_terms=None)
        self._story.add(workflow.now(), f"Renewed; paid until {self._period_ends:%d %b %Y}")
        self._tell(MembershipState.ACTIVE)

    async def _wait(self, until: datetime, summary: str = "Pay") -> bool:
        """True when something came; a webhook may never come, so an open payment is looked at now and then as well."""
        left = max(until - workflow.now(), timedelta(0))
        pending = self._dues is not None and not self._dues.paid and self._dues.client_secret is not None
        patience = LOOK_WITHOUT_NEWS[min(self._looks, len(LOOK_WITHOUT_NEWS) - 1)] if pending else left
        self._turns, self._waiting = self._turns + 1, True
        try:
            await workflow.wait_condition(
                lambda: self._news or bool(self._acts),
                timeout=min(left, patience),
                timeout_summary=f"{summary}: {until:%d %b %Y %H:%M} UTC",
            )
        except TimeoutError:
            self._looks += 1
            return patience < left
        finally:
            self._news = self._waiting = False
        return True

    async def _do_acts(self) -> None:
        while self._acts and not self._ended:
            act = self._acts[0]
            act.done = await self._do(act)
            if not act.done:
                return  # paid in the last moment: it is done to what the membership is now
            self._acts.pop(0)

    async def _do(self, act: _Act) -> bool:
        match act.request:
            case CancelMembership() as cancel:
                return await self._cancel(cancel)
            case ResumeMembership() as resume:
                self._progress = replace(self._going, ends_with_period=False)
                await self._change(f"It goes on after all ({resume.actor})")
            case ChangeCard() as card:
                act.refused = await self._change_card(card)
            case ChangeTier() as tier:
                act.refused = await self._change_tier(tier)
        return True

    async def _cancel(self, asked: CancelMembership) -> bool:
        """With the paid period, or at once with what the policy gives back. What is due is not asked for any more."""
        open_dues = self._dues if self._dues is not None and not self._dues.paid else None
        if open_dues is None and not asked.at_once:
            self._progress = replace(self._going, ends_with_period=True)
            await self._change(f"Cancelled by {asked.actor}: {asked.reason}. It ends with its period")
            return True
        if open_dues is not None and not await open_dues.withdraw():
            return False
        await self._end(MembershipState.CANCELLED, _cancelled(f"{asked.reason} ({asked.actor})"), open_dues)
        if open_dues is None and self._going.terms.refund_policy is RefundPolicy.PRO_RATA:
            await self._refund_unused(asked)
        return True

    async def _refund_unused(self, asked: CancelMembership) -> None:
        """What is left of the period by time goes back."""
        going = self._going
        amount = unused_minor(going.terms.amount_minor, self._starts(going.period), self._period_ends, workflow.now())
        if amount:
            await refund_of_period(self._in, going, amount, asked)

    async def _change_card(self, asked: ChangeCard) -> Refusal | None:
        """Kept for what follows; and what is due is charged to it now, while the customer is there."""
        keep = KeepCard(
            tenant=self._in.tenant,
            customer_id=self._in.customer_id,
            provider_customer=None,
            payment_method=asked.payment_method,
            idempotency_key=f"{self._in.tenant}/{self._in.membership_id}/card/{asked.payment_method}",
        )
        known = await in_database(MembershipActivities.customer, keep, "Who is it at the provider")
        kept = await until_known(self, PaymentActivities.keep_card, known, "Keep the card", "the card cannot be kept")
        if isinstance(kept, CardRefused):
            return kept.refusal
        await self._change("Another card", kept.saved, kept.card)
        dues = self._dues
        if dues is not None and not dues.paid:
            there = replace(dues.begin, off_session=False, payment_method=kept.saved.payment_method)
            await dues.charge(replace(there, return_url=asked.return_url))
            if isinstance(dues.fact, PaymentDeclined):
                return dues.fact.refusal
        return None

    async def _change_tier(self, asked: ChangeTier) -> Refusal | None:
        find = FindTerms(self._in.tenant, self._in.membership_id, asked.tier_id)
        found: MembershipOpened = await in_database(MembershipActivities.terms, find, "What the tier costs")
        if found.terms is None:
            return found.refusal
        self._progress = replace(self._going, next_terms=found.terms)
        await self._change(f"From the next period on: {asked.tier_id}")
        return None

    async def _change(self, message: str, saved: SavedCard | None = None, card: str | None = None) -> None:
        """Write it down. What ends with its period has no grace behind it."""
        going = self._going
        grace = timedelta(0) if going.ends_with_period else timedelta(seconds=going.terms.grace_seconds)
        await in_database(
            MembershipActivities.change,
            ChangeMembership(
                tenant=self._in.tenant,
                membership_id=self._in.membership_id,
                ends_with_period=going.ends_with_period,
                benefits_until=self._period_ends + grace,
                next_terms=going.next_terms,
                message=message,
                saved=saved,
                card=card,
            ),
            message,
        )
        self._story.add(workflow.now(), message)
        self._tell(self._final().state)

    async def _end(self, state: MembershipState, why: Refusal, dues: Dues | None = None) -> None:
        asked = EndMembership(
            tenant=self._in.tenant,
            membership_id=self._in.membership_id,
            state=state,
            reason=why,
            voided=dues is not None,
            intent_id=dues.intent_id if dues else None,
        )
        await in_database(MembershipActivities.end, asked, f"{state.capitalize()}: {why.code}")
        self._tell(state, why)

    # What is asked of it.

    @workflow.update
    async def begin(self) -> MembershipAnswer:
        """Begin, and wait for the first thing the storefront must know: paid, refused, or the customer must act."""
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._final()

    @workflow.update
    async def confirm(self) -> MembershipAnswer:
        """The customer says it is done: look at once instead of waiting for the webhook."""
        before = self._turns
        self._news = True
        await workflow.wait_condition(lambda: self._ended or (self._turns > before and self._waiting))
        return self._final()

    @workflow.update
    async def cancel(self, request: CancelMembership) -> MembershipAnswer:
        """It ends: with its period, or at once."""
        return await self._ask(request)

    @workflow.update
    async def resume(self, request: ResumeMembership) -> MembershipAnswer:
        """It was to end with its period, and goes on."""
        return await self._ask(request)

    @workflow.update
    async def change_card(self, request: ChangeCard) -> MembershipAnswer:
        """Another card; what is due is charged to it."""
        return await self._ask(request)

    @workflow.update
    async def change_tier(self, request: ChangeTier) -> MembershipAnswer:
        """Another tier from the next period on."""
        return await self._ask(request)

    async def _ask(self, request: Request) -> MembershipAnswer:
        act = _Act(request)
        self._acts.append(act)
        await workflow.wait_condition(lambda: act.done or self._ended)
        if act.refused:
            raise ApplicationError(act.refused.message, type=act.refused.code)
        return self._final()

    @cancel.validator
    def _may_cancel(self, request: CancelMembership) -> None:  # noqa: ARG002  # as the update's
        self._refuse_ended()

    @confirm.validator
    def _may_confirm(self) -> None:
        if self._answer is None or self._answer.client_secret is None:
            raise ApplicationError("this membership waits for no payment", type="not_awaiting_payment")

    @resume.validator
    def _may_resume(self, request: ResumeMembership) -> None:  # noqa: ARG002
        self._refuse_ended()
        if self._progress is None or not self._progress.ends_with_period:
            raise ApplicationError("this membership is not cancelled", type="not_cancelled")

    @change_card.validator
    def _may_change_card(self, request: ChangeCard) -> None:  # noqa: ARG002
        self._refuse_joining()

    @change_tier.validator
    def _may_change_tier(self, request: ChangeTier) -> None:
        self._refuse_joining()
        if self._final().state is MembershipState.PAST_DUE:
            raise ApplicationError("this membership has a period to pay first", type="past_due")
        if self._going.next_terms is None and self._going.terms.tier_id == request.tier_id:
            raise ApplicationError(f"this membership is {request.tier_id} already", type="same_tier")

    def _refuse_ended(self) -> None:
        if self._ended:
            raise ApplicationError(f"this membership is {self._final().state}", type="already_ended")

    def _refuse_joining(self) -> None:
        self._refuse_ended()
        if self._progress is None:
            raise ApplicationError("this membership's first payment is not made", type="not_joined")

    @workflow.signal(name="payment_news")
    def payment_news(self, news: PaymentNews) -> None:  # noqa: ARG002  # it only makes us look
        """A webhook says that something happened to the intent. Harmless twice, late, or in any order."""
        self._news = True

    # What it knows of itself, and shows.

    @property
    def _going(self) -> Progress:
        if self._progress is None:
            raise RuntimeError("not joined yet")
        return self._progress

    def _starts(self, number: int) -> datetime:
        return period_start(self._going.anchor, self._going.terms.interval, number)

    @property
    def _period_ends(self) -> datetime:
        return self._starts(self._going.period + 1)

    @property
    def _ended(self) -> bool:
        return self._answer is not None and is_terminal(MEMBERSHIP_MOVES, self._answer.state)

    @property
    def _history_is_long(self) -> bool:
        return self._renewals >= RENEWALS_IN_A_RUN or workflow.info().is_continue_as_new_suggested()

    async def call_person(self, reason: str) -> None:
        """Support finds this workflow by `NeedsAttention` and reads the reason, here and on the membership's row."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.set_current_details(self._story.render("waiting", attention=reason))
        await self._flag(reason)

    async def wait_for_person(self) -> None:
        """What was called for is mended elsewhere: try again after a while."""
        await workflow.sleep(LOOK_AGAIN, summary="Try again")

    async def calm(self) -> None:
        """It has worked in the end."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
        await self._flag(None)

    async def _flag(self, reason: str | None) -> None:
        asked = FlagMembership(self._in.tenant, self._in.membership_id, reason)
        await in_database(MembershipActivities.flag, asked, "Call a person" if reason else "It has worked in the end")

    def _tell(self, state: MembershipState, refusal: Refusal | None = None) -> None:
        """Publish how it stands: to those who wait, and to support."""
        changed = self._answer is None or self._answer.state is not state
        dues = self._dues if state in (MembershipState.PENDING, MembershipState.PAST_DUE) else None
        self._answer = MembershipAnswer(
            membership_id=self._in.membership_id,
            fingerprint=self._in.fingerprint,
            state=state,
            client_secret=dues.client_secret if dues else None,
            action_url=dues.action_url if dues else None,
            refusal=refusal,
        )
        if changed:
            self._story.add(workflow.now(), refusal.message if refusal else state.replace("_", " ").capitalize())
            workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        acts = () if self._ended else ("cancel", "resume", "change_card", "change_tier", "confirm")
        workflow.set_current_details(self._story.render(state, acts=acts))

    def _final(self) -> MembershipAnswer:
        if self._answer is None:
            raise RuntimeError("nothing has been told yet")
        return self._answer


def _cancelled(message: str) -> Refusal:
    return Refusal(RefusalCode.CANCELLED_BY_SHOPPER, message)
