// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IDemand_Reduction
/// @notice A market for demand response. A utility requests a reduction, consumers bid, the contract picks the
/// cheapest bids and pays them in Ether.
/// @dev Units: energy in whole Wh, prices in wei per Wh, times in seconds since the Unix epoch, money in wei.
/// A request fixes a grid of prices: a bid at `price_level` asks for `price_level * price_step_wei` for every Wh.
/// @dev For every request, at every step: escrow = paid + deferred + refunded + still to be paid, to the wei.
/// @dev Whatever pushes Ether refuses to be called by the payee again, with `ReentrancyGuardReentrantCall`.
interface IDemand_Reduction {
    /* TYPES */

    /// @notice Who may bid.
    /// @dev `OPEN`: anybody. `REGISTERED`: whoever called `register` or was approved, and was not revoked since.
    /// `APPROVED`: only whom the utility approved.
    enum Access {
        OPEN,
        REGISTERED,
        APPROVED
    }

    /// @notice What an accepted Wh is paid.
    /// @dev `UNIFORM`: the clearing price, which is the price of the last bid accepted. `PAY_AS_BID`: the bid's own.
    enum Pricing {
        UNIFORM,
        PAY_AS_BID
    }

    /// @notice The phase of a request.
    /// @dev `NONE` -> `BIDDING` -> `CLEARED` -> `SETTLED`, or `BIDDING` -> `CANCELLED`. A request without bids goes
    /// from `BIDDING` to `SETTLED` directly. `BIDDING` lasts past gate closure, until `select_winners`.
    enum Status {
        NONE,
        BIDDING,
        CLEARED,
        SETTLED,
        CANCELLED
    }

    /// @notice What the utility knows of a consumer.
    enum Standing {
        UNKNOWN,
        REGISTERED,
        APPROVED,
        REVOKED
    }

    /// @notice An offer to reduce demand.
    /// @param energy_wh What is offered (Wh). More than the reduction requested counts as the reduction.
    /// @param price_level The price asked for every Wh, in steps of the request's `price_step_wei`.
    struct Bid {
        uint32 energy_wh;
        uint16 price_level;
    }

    /// @notice A bid as the book holds it.
    /// @param bid_id Its number within the request, counted from 1 in the order of arrival.
    /// @param consumer Who is paid.
    /// @param energy_wh What is offered (Wh), at most the reduction requested; 0 once it is withdrawn.
    /// @param price_level The price asked, in steps of `price_step_wei`.
    struct BookedBid {
        uint256 bid_id;
        address consumer;
        uint32 energy_wh;
        uint16 price_level;
    }

    /// @notice A bid that was accepted, in whole or in part.
    /// @param energy_wh What is bought of it (Wh).
    /// @param amount_wei What its consumer is paid for that (wei).
    struct Winner {
        uint256 bid_id;
        address consumer;
        uint40 energy_wh;
        uint256 amount_wei;
    }

    /// @notice Everything about a request but its bids.
    /// @param utility Who put up the escrow, and gets back what the request does not cost.
    /// @param gate_closure Bids are taken in blocks with an earlier timestamp (s).
    /// @param dispatch_start, dispatch_end When demand is to be reduced (s); both 0 where it is not stated.
    /// @param bid_count Bids submitted, withdrawn ones included.
    /// @param clearing_level The level of the last bid accepted; 0 before selection and where nothing was bought.
    /// @param energy_wh Energy bought (Wh).
    /// @param cost_wei What the energy bought costs in all (wei).
    /// @param paid_wei Pushed to winners so far (wei).
    /// @param deferred_wei Credited because it could not be pushed, to winners or the utility (wei).
    /// @param refunded_wei Pushed back to the utility (wei).
    struct Request {
        Status status;
        Access access;
        Pricing pricing;
        address utility;
        uint40 reduction_wh;
        uint64 price_step_wei;
        uint40 gate_closure;
        uint40 dispatch_start;
        uint40 dispatch_end;
        uint32 minimum_bid_wh;
        uint256 bid_count;
        uint16 clearing_level;
        uint40 energy_wh;
        uint256 escrow_wei;
        uint256 cost_wei;
        uint256 paid_wei;
        uint256 deferred_wei;
        uint256 refunded_wei;
    }

    /* EVENTS */

    /// @notice A reduction was requested; bids are taken until `gate_closure`.
    event ReductionRequested(
        uint256 indexed request_id,
        uint40 reduction_wh,
        uint64 price_step_wei,
        uint40 gate_closure,
        uint40 dispatch_start,
        uint40 dispatch_end,
        uint32 minimum_bid_wh,
        Pricing pricing
    );

    /// @notice `consumer` submitted `bids`, which are numbered from `first_bid_id` on.
    /// @dev They are as they were sent; one of more than the reduction is booked as the reduction.
    event BidsSubmitted(uint256 indexed request_id, address indexed consumer, uint256 first_bid_id, Bid[] bids);

    /// @notice `consumer` withdrew bids before gate closure.
    event BidsWithdrawn(uint256 indexed request_id, address indexed consumer, uint256[] bid_ids);

    /// @notice The request was cleared. `refund_wei` of the escrow is not needed and goes back to the utility.
    event WinnersSelected(
        uint256 indexed request_id, uint16 clearing_level, uint40 energy_wh, uint256 cost_wei, uint256 refund_wei
    );

    /// @notice A winning bid was paid to its consumer.
    event WinnerPaid(
        uint256 indexed request_id, address indexed consumer, uint256 bid_id, uint40 energy_wh, uint256 amount_wei
    );

    /// @notice A payment could not be pushed and is kept for `payee` to `withdraw`.
    /// @dev `bid_id` and `energy_wh` are those of the winning bid, or 0 for the utility's refund.
    event PaymentDeferred(
        uint256 indexed request_id, address indexed payee, uint256 bid_id, uint40 energy_wh, uint256 amount_wei
    );

    /// @notice Every winner of the request has been paid or credited; nothing of it is open any more.
    event RequestSettled(uint256 indexed request_id, uint256 paid_wei, uint256 deferred_wei);

    /// @notice The request was cancelled before gate closure and its whole escrow goes back to the utility.
    event RequestCancelled(uint256 indexed request_id, uint256 refund_wei);

    /// @notice `consumer` registered.
    event ConsumerRegistered(address indexed consumer);

    /// @notice The utility approved `consumer`.
    event ConsumerApproved(address indexed consumer);

    /// @notice The utility revoked `consumer`.
    event ConsumerRevoked(address indexed consumer);

    /// @notice Who may bid was set.
    event AccessChanged(Access access);

    /// @notice `payee` took out deferred money.
    event DeferredWithdrawn(address indexed payee, uint256 amount_wei);

    /* ERRORS */

    /// @notice The reduction is 0 or more than `maximum_wh`.
    error ReductionOutOfRange(uint256 reduction_wh, uint256 maximum_wh);
    /// @notice The price step is 0.
    error PriceStepZero();
    /// @notice The bidding time is 0 or longer than `maximum_seconds`.
    error BiddingTimeOutOfRange(uint256 bidding_seconds, uint256 maximum_seconds);
    /// @notice The dispatch window is empty or begins before gate closure.
    error DispatchWindowInvalid(uint256 dispatch_start, uint256 dispatch_end, uint256 gate_closure);
    /// @notice No single bid could be as large as the smallest bid.
    error MinimumBidTooLarge(uint256 minimum_bid_wh, uint256 largest_bid_wh);
    /// @notice The Ether sent is not what the request can cost at most.
    error WrongEscrow(uint256 sent_wei, uint256 required_wei);
    /// @notice The book for this request still belongs to `unfinished_request_id`, which anybody may finish.
    error BookBusy(uint256 unfinished_request_id);
    /// @notice The contract has served all the requests it can; deploy a new one.
    error RequestsExhausted(uint256 maximum_requests);
    /// @notice The request is not in the phase that the call needs.
    error WrongStatus(uint256 request_id, Status status);
    /// @notice Bidding has ended (s).
    error GateClosed(uint256 gate_closure, uint256 time);
    /// @notice Bidding has not ended yet (s).
    error GateOpen(uint256 gate_closure, uint256 time);
    /// @notice The contract's access does not allow this consumer to bid.
    error NotAllowed(address consumer);
    /// @notice A list that must not be empty is.
    error NoBids();
    /// @notice A bid is smaller than the smallest bid of the request (Wh), or of 0 Wh.
    error BidTooSmall(uint256 energy_wh, uint256 minimum_wh);
    /// @notice A price level is 0 or above `PRICE_LEVELS`.
    error PriceLevelOutOfRange(uint256 price_level, uint256 maximum_level);
    /// @notice The request has as many bids as the book can hold.
    error BookFull(uint256 maximum_bids);
    /// @notice There is no bid of this number in the request.
    error UnknownBid(uint256 request_id, uint256 bid_id);
    /// @notice The bid is another consumer's.
    error NotYourBid(uint256 bid_id, address consumer);
    /// @notice The bid was withdrawn before.
    error AlreadyWithdrawn(uint256 bid_id);
    /// @notice A later request has taken over the book; the bids are in the events only.
    error BookReused(uint256 request_id);
    /// @notice Too little gas is left to push a payment fairly; send more, or ask for fewer winners.
    error NotEnoughGas(uint256 gas_left, uint256 gas_needed);
    /// @notice The consumer is registered or approved already.
    error AlreadyRegistered(address consumer);
    /// @notice The utility has revoked the consumer.
    error Revoked(address consumer);
    /// @notice The zero address cannot be a consumer.
    error ZeroAddress();
    /// @notice There is no deferred money for this address.
    error NothingDeferred(address payee);
    /// @notice A market without a utility is of no use; transfer the ownership instead.
    error OwnershipNotRenounceable();

    /* THE UTILITY */

    /// @notice Requests a demand reduction and puts the most it can cost into escrow.
    /// @dev Only the utility (the owner). Request ids count from 1. Requests may overlap, up to `books` of them
    /// (`get_constants`).
    /// @dev Warning: reverts with `BookBusy` while the request made `books` requests earlier is not finished.
    /// @param reduction_wh The energy wanted (Wh), from 1 to `max_reduction_wh`.
    /// @param price_step_wei The step of the price grid (wei per Wh); the maximum price is `PRICE_LEVELS` steps.
    /// @param bidding_seconds How long bids are taken, counted from this block's timestamp (s).
    /// @param dispatch_start When the reduction is to begin (s), not before gate closure; 0 with `dispatch_end` 0
    /// states no window. The contract records the window and does not enforce it.
    /// @param dispatch_end When the reduction ends (s), after `dispatch_start`.
    /// @param minimum_bid_wh The smallest bid taken (Wh), at most `reduction_wh` and what a level holds; 0 takes any bid
    /// of 1 Wh or more.
    /// @param pricing What accepted energy is paid.
    /// @return request_id The id of the new request.
    /// Errors: `OwnableUnauthorizedAccount`, `ReductionOutOfRange`, `PriceStepZero`, `BiddingTimeOutOfRange`,
    /// `DispatchWindowInvalid`, `MinimumBidTooLarge`, `WrongEscrow`, `BookBusy`, `RequestsExhausted`.
    function request_reduction(
        uint40 reduction_wh,
        uint64 price_step_wei,
        uint40 bidding_seconds,
        uint40 dispatch_start,
        uint40 dispatch_end,
        uint32 minimum_bid_wh,
        Pricing pricing
    ) external payable returns (uint256 request_id);

    /// @notice Cancels a request before its gate closure and returns the whole escrow to who put it up.
    /// @dev Only the utility. Bids of the request come to nothing.
    /// Errors: `OwnableUnauthorizedAccount`, `WrongStatus`, `GateClosed`, `NotEnoughGas`.
    function cancel_request(uint256 request_id) external;

    /// @notice Approves `consumers`, also such as were never registered or were revoked.
    /// @dev Only the utility. Errors: `OwnableUnauthorizedAccount`, `ZeroAddress`.
    function approve(address[] calldata consumers) external;

    /// @notice Takes registration and approval from `consumers`, who cannot register again until approved.
    /// @dev Only the utility. Errors: `OwnableUnauthorizedAccount`, `ZeroAddress`.
    /// @dev Warning: bids already submitted stand, and `OPEN` access lets anybody bid, also whom the utility revoked.
    function revoke(address[] calldata consumers) external;

    /// @notice Sets who may bid, from now on and also in requests that are open.
    /// @dev Only the utility. Bids already submitted stand. Errors: `OwnableUnauthorizedAccount`.
    function set_access(Access access) external;

    /* CONSUMERS */

    /// @notice Registers the caller as a consumer.
    /// @dev Anybody. Errors: `AlreadyRegistered`, `Revoked`.
    function register() external;

    /// @notice Submits bids. All of them are taken or none.
    /// @dev Whoever `is_allowed`. A consumer may bid as often as it likes until gate closure.
    /// @dev Promises that nothing accepted is paid less than its bid asks for. Does not promise that a bid can be
    /// withdrawn once the gate has closed: it cannot.
    /// @param request_id A request in `BIDDING` before its gate closure.
    /// @param bids At least one.
    /// @return first_bid_id The number of the first of them; the others follow.
    /// Errors: `WrongStatus`, `GateClosed`, `NotAllowed`, `NoBids`, `BidTooSmall`, `PriceLevelOutOfRange`, `BookFull`,
    /// `LevelFull` (a level holds 2,147,483,647 Wh; a bid takes its energy, at most the reduction, of that), and
    /// `SafeCastOverflowedUintDowncast` for more energy than an `uint32` holds.
    function submit_bids(uint256 request_id, Bid[] calldata bids) external returns (uint256 first_bid_id);

    /// @notice Withdraws bids of the caller before gate closure. All of them are withdrawn or none.
    /// @dev Errors: `WrongStatus`, `GateClosed`, `NoBids`, `UnknownBid`, `NotYourBid`, `AlreadyWithdrawn`.
    function withdraw_bids(uint256 request_id, uint256[] calldata bid_ids) external;

    /// @notice Pays the caller the money that could not be pushed to it.
    /// @dev Anybody. Reverts if the caller does not take the Ether; the credit then stays.
    /// @return amount_wei What was paid (wei). Errors: `NothingDeferred`, `ETHTransferFailed`.
    function withdraw() external returns (uint256 amount_wei);

    /* ANYBODY */

    /// @notice Clears a request whose gate has closed: fixes the winners and the price, and refunds the utility.
    /// @dev Anybody, once. The gas it takes depends on the levels up to the clearing level, never on the number of
    /// bids. Without bids the request is settled at once.
    /// Errors: `WrongStatus`, `GateOpen`, `NotEnoughGas`.
    function select_winners(uint256 request_id) external;

    /// @notice Pays up to `max_winners` winning bids, in an order of the contract's own: about from the cheapest up.
    /// @dev Anybody, as often as it takes. A payee that reverts, burns gas or returns much data costs a bounded
    /// amount of gas, and is credited instead. A call also ends after `max_skips` bids that won nothing.
    /// @dev Warning: allow about 25,000 gas for a winner, and 75,000 for one that may be hostile.
    /// @param max_winners The most winning bids to pay in this call.
    /// @return winners_left 0 if the request is settled. Otherwise at least 1 and at most the bids not looked at
    /// yet, which is the exact number where every bid wins. `get_winners` tells who they are.
    /// Errors: `WrongStatus`, `NotEnoughGas`.
    function pay_winners(uint256 request_id, uint256 max_winners) external returns (uint256 winners_left);

    /* VIEWS */

    /// @notice A request, or one with status `NONE` and all zeros where there is none of this id.
    function get_request(uint256 request_id) external view returns (Request memory request);

    /// @notice Up to `limit` bids in the order of arrival, after the first `offset`. Withdrawn ones have 0 Wh.
    /// @dev Errors: `BookReused`.
    function get_bids(uint256 request_id, uint256 offset, uint256 limit)
        external
        view
        returns (BookedBid[] memory bids);

    /// @notice Up to `limit` winners in the order of payment, after the first `offset`; none before selection.
    /// @dev Errors: `BookReused`. Meant to be called, not to be used in a transaction: its cost grows with the bids.
    function get_winners(uint256 request_id, uint256 offset, uint256 limit)
        external
        view
        returns (Winner[] memory winners);

    /// @notice The outcome if the gate closed now, and after selection the outcome.
    /// @return clearing_level The level of the last bid that is accepted; 0 if none.
    /// @return energy_wh The energy bought (Wh).
    /// @return cost_wei What that costs (wei).
    /// @return offered_wh The energy of all bids that stand (Wh). After selection this is the energy bought.
    function get_quote(uint256 request_id)
        external
        view
        returns (uint16 clearing_level, uint40 energy_wh, uint256 cost_wei, uint256 offered_wh);

    /// @notice Whether `consumer` may bid now.
    function is_allowed(address consumer) external view returns (bool allowed);

    /// @notice Money that could not be pushed to `payee` and waits for its `withdraw` (wei).
    function get_deferred(address payee) external view returns (uint256 amount_wei);

    /// @notice What the utility knows of `consumer`, whatever the access.
    function get_standing(address consumer) external view returns (Standing standing);

    /// @notice Who may bid.
    function access() external view returns (Access);

    /// @notice How many requests there have been; also the id of the newest.
    /// @dev Only the newest `books` requests can be unfinished.
    function request_count() external view returns (uint256);

    /// @notice The levels of a price grid.
    function PRICE_LEVELS() external view returns (uint256);

    /// @notice What else the contract is bounded by.
    /// @return books How many requests may be unfinished at a time.
    /// @return max_reduction_wh The largest reduction that can be requested (Wh).
    /// @return max_bidding_seconds The longest bidding time (s).
    /// @return max_skips How many bids that won nothing one `pay_winners` passes over.
    function get_constants()
        external
        view
        returns (uint256 books, uint256 max_reduction_wh, uint256 max_bidding_seconds, uint256 max_skips);
}
