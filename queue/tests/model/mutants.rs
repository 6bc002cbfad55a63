//! Rules that can be broken on purpose, and where that is seen.
//!
//! A model that finds nothing may be right, or blind. Each mutant is one mistake that some queue has made, or that this one
//! could make. The test runs it in the smallest set-up in which it matters, and the very property that guards against it must
//! catch it. The other test checks that the same set-up without the mutant breaks nothing, so a property that is always
//! broken can't pass for a watchful one.

use crate::history::Breach;
use crate::properties::{self, name_of};
use crate::rules::Setup;
use crate::setups;

macro_rules! mutants {
    ($($mutant:ident in $setup:ident is caught by $property:expr,)*) => {
        /// One mistake.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Mutant { $($mutant,)* }

        /// Each with the set-up in which it is looked for, and the property that must find it.
        pub(crate) const MUTANTS: &[(Mutant, &Setup, &str)] =
            &[$((Mutant::$mutant, &setups::$setup, $property),)*];
    };
}

mutants! {
    // Coming in.
    DedupIsNotAtomic in LEASES is caught by name_of(Breach::AcceptedTwice),
    AcceptMakesABusyLaneReady in LEASES is caught by properties::LANE_STATES,
    ExpiredLeavesItsMark in SPOOL is caught by name_of(Breach::RefusedAcceptChangedSomething),
    NotAfterIgnored in SPOOL is caught by name_of(Breach::StartedOutOfOrder),
    NotQueuedBehindTheSpool in SPOOL is caught by name_of(Breach::StartedOutOfOrder),
    ForgottenBeforeItWasTaken in SPOOL is caught by properties::KEPT,
    SpooledComesLast in SPOOL is caught by name_of(Breach::StartedOutOfOrder),
    StampedBeforeItWaited in SPOOL is caught by name_of(Breach::StartedOutOfOrder),
    LateOvertakesTheCurrentOne in SPOOL is caught by name_of(Breach::OtherMessageThanTheCurrent),
    // Leases.
    RanOutLeaseIsRefused in LEASES is caught by name_of(Breach::CurrentTokenWasRefused),
    SettleWithoutTokenCheck in LEASES is caught by name_of(Breach::StaleTokenChangedSomething),
    LostLeaseIsExtended in LEASES is caught by name_of(Breach::StaleTokenChangedSomething),
    TokenWithoutIncarnation in TAIL is caught by properties::ONE_OWNER,
    TokenWithoutCall in TAIL is caught by properties::ONE_OWNER,
    RepeatedTakeTakesAnew in LEASES is caught by name_of(Breach::RepeatedTakeDiffers),
    LateTakeTakes in LEASES is caught by name_of(Breach::LateTakeChangedSomething),
    ExpiryForgetsReady in LEASES is caught by properties::LANE_STATES,
    ExpiryGoesToTheEnd in LEASES is caught by name_of(Breach::NotFirstInLine),
    ReopeningKeepsTokens in REOPENED is caught by properties::TOKENS,
    // Lanes.
    WrongHeadPopped in SPOOL is caught by properties::ONE_PLACE,
    CompleteForgetsReady in LEASES is caught by properties::LANE_STATES,
    CompleteKeepsItsTurn in LEASES is caught by name_of(Breach::NotLastInLine),
    ReleaseGoesToTheEnd in LEASES is caught by name_of(Breach::NotFirstInLine),
    RetryDoesNotKeepTheHead in LEASES is caught by name_of(Breach::OtherMessageThanTheCurrent),
    CompleteKeepsItsPin in LEASES is caught by properties::HEADS,
    BuriedStaysInItsLane in AWAITING is caught by name_of(Breach::EndedMessageRan),
    // Poison pills.
    PauseIsIgnored in POISON is caught by name_of(Breach::LivingLeaseTaken),
    ThirdLossDoesNotKill in POISON is caught by properties::LOSSES,
    SuspectsAreNeverTaken in POISON is caught by properties::CAN_END,
    UnconfirmedTakeCountsAsLoss in POISON is caught by properties::LOSSES,
    GapCountsAsLoss in POISON is caught by properties::LOSSES,
    SuspectsRunTogether in POISON is caught by properties::SUSPECTS,
    // Held messages.
    HoldMissesItsWake in HELD is caught by name_of(Breach::HoldMissedItsWake),
    WakeReordersHeld in HELD is caught by name_of(Breach::HeldWokeWrongly),
    WokenGoesToTheEnd in HELD is caught by name_of(Breach::HeldWokeWrongly),
    WokenOvertakesTheCurrentOne in HELD is caught by name_of(Breach::OtherMessageThanTheCurrent),
    MemoryWrittenAgain in MEMORY is caught by name_of(Breach::MemoryOfAnOlderAnswer),
    MemoryOutlivesItsUser in MEMORY is caught by name_of(Breach::MemoryOutlivesItsUser),
    MemoryWrittenBack in MEMORY is caught by name_of(Breach::MemoryOfAnOlderAnswer),
    HeldOverTheMaximumIsLost in HELD is caught by properties::ONE_PLACE,
    // Answers by call back.
    SecondAnswerWins in AWAITING is caught by name_of(Breach::AnswerNotFirstWins),
    AwaitingForgottenAtItsTime in AWAITING is caught by properties::LANE_STATES,
    AnswerLeavesTheLaneAsleep in AWAITING is caught by properties::AWAKE,
    DelaySleepsOverAnAnswer in AWAITING is caught by properties::AWAKE,
    BuryForgetsAnswer in AWAITING is caught by name_of(Breach::AnswerNotHeard),
    CompleteForgetsAnswer in AWAITING is caught by name_of(Breach::AnswerNotHeard),
    RecordForgetsAnswer in AWAITING is caught by name_of(Breach::AnswerNotHeard),
    // Operators.
    DuePausedLaneIsReadyTwice in OPERATED is caught by properties::LANE_STATES,
    ParkedLaneStaysReady in OPERATED is caught by properties::LANE_STATES,
    ResumeReadiesWhatIsNotParked in OPERATED is caught by properties::LANE_STATES,
    PausedLaneIsTaken in OPERATED is caught by name_of(Breach::PausedWasTaken),
    PausedClassIsTaken in OPERATED is caught by name_of(Breach::PausedWasTaken),
    RevivedKeepsItsRecord in OPERATED is caught by name_of(Breach::RevivedIsNotFresh),
    // Damage.
    DamageStopsTake in DAMAGED is caught by properties::CAN_END,
    DamageLeavesItsMark in DAMAGED is caught by name_of(Breach::RefusedAcceptChangedSomething),
    // Answers in the responses of pushes.
    ClaimIsNotAnnounced in OFFERED is caught by name_of(Breach::PartWentTwoWays),
    TakeForgetsTheSending in OFFERED is caught by name_of(Breach::PartWentTwoWays),
    PartIsSentWithoutTheLease in OFFERED is caught by name_of(Breach::PartWentTwoWays),
    UnsurePartIsOffered in OFFERED is caught by name_of(Breach::PartWentTwoWays),
    OverdueIsNotCounted in ANSWERS is caught by name_of(Breach::PartWentTwoWays),
    AnsweredPushIsTriedAgain in OFFERED is caught by name_of(Breach::PartWentTwoWays),
    TakeLeavesTheOffer in OFFERED is caught by name_of(Breach::WithdrawnWasClaimed),
    ClaimIgnoresTheEnd in OFFERED is caught by name_of(Breach::WithdrawnWasClaimed),
    UserWhoLeftGetsThePart in LEFT is caught by name_of(Breach::WithdrawnWasClaimed),
    ClaimIgnoresPause in LEFT is caught by name_of(Breach::PausedWasTaken),
    OverOfferIsForgotten in OFFERED is caught by properties::LANE_STATES,
    HeldPartReadiesItsLane in MIXED is caught by properties::LANE_STATES,
    OfferNeverEnds in OFFERED is caught by properties::CAN_END,
    OverdueClaimStands in ANSWERS is caught by properties::CAN_END,
    OverOfferGoesToTheEnd in TWO_USERS is caught by name_of(Breach::NotFirstInLine),
    RetryGetsTheNextPart in ANSWERS is caught by name_of(Breach::RetryDiffers),
    UnwrittenForgetsASentPart in ANSWERS is caught by name_of(Breach::RetryDiffers),
    OlderTryConfirms in OFFERED is caught by name_of(Breach::StaleConfirmChangedSomething),
    CurrentGoesBeforeHeld in MIXED is caught by name_of(Breach::OlderPartWasPassed),
    LastPartGoesFirst in ANSWERS is caught by name_of(Breach::OlderPartWasPassed),
    ClaimLooksIntoAnotherLane in TWO_USERS is caught by name_of(Breach::AnotherUsersAnswer),
    FirstPartEndsTheMessage in ANSWERS is caught by name_of(Breach::PartsWereLeft),
    UnwrittenCountsAsSent in OFFERED is caught by name_of(Breach::PartsWereLeft),
}
