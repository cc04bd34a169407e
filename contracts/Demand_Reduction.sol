// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

import {IDemand_Reduction} from "./interfaces/IDemand_Reduction.sol";
import {BidWord} from "./libraries/BidWord.sol";
import {BookLib, PRICE_LEVELS as LEVELS} from "./libraries/BookLib.sol";
import {MAX_BID_ID, MAX_LEVEL_WH} from "./libraries/LevelsWord.sol";

/// @title Demand_Reduction
/// @notice A market for demand response: a utility requests, consumers bid, the cheapest bids are bought and paid.
/// @dev Energy in Wh, prices in wei per Wh, times in seconds. The interface says what each function promises.
contract Demand_Reduction is IDemand_Reduction, Ownable2Step, ReentrancyGuardTransient {
    using BookLib for BookLib.Book;

    /* CONSTANTS */

    /// @inheritdoc IDemand_Reduction
    uint256 public constant PRICE_LEVELS = LEVELS;
    /// @inheritdoc IDemand_Reduction
    uint256 public constant BOOKS = 16;
    /// @inheritdoc IDemand_Reduction
    uint256 public constant MAX_REDUCTION_WH = MAX_LEVEL_WH;
    /// @inheritdoc IDemand_Reduction
    uint256 public constant MAX_BIDDING_SECONDS = 30 days;
    /// @inheritdoc IDemand_Reduction
    uint256 public constant MAX_SKIPS = 1000;

    /// @dev Every use of a book needs a stamp of its own, and a stamp has 16 bits.
    uint256 private constant MAX_REQUESTS = BOOKS * type(uint16).max - 1;
    /// @dev Gas a payee may use: enough for a smart wallet to log what it got, too little to hurt a batch.
    uint256 private constant PAYEE_GAS = 30_000;
    /// @dev Gas that must be left before a push, so that the payee gets all of `PAYEE_GAS` and the call can end well.
    uint256 private constant PUSH_GAS = 150_000;

    /* STORAGE */

    /// @dev What `submit_bids` needs shares one slot with what it writes.
    struct RequestData {
        uint40 reductionWh;
        uint40 gateClosure; // s
        uint32 minimumBidWh;
        uint64 priceStepWei; // wei per Wh
        uint24 bidCount;
        Access access; // a copy of the contract's, so that a bid need not read another slot
        Pricing pricing;
        Status status;
        uint32 regions; // parts of the price grid that have had bids, see BookLib
        // slot 1
        address utility;
        uint40 dispatchStart; // s
        uint40 dispatchEnd; // s
        bool refundDeferred;
        // slot 2: the outcome
        uint96 costWei;
        uint40 energyWh;
        uint40 marginalWh; // the part of energyWh accepted at the clearing level
        uint16 clearingLevel;
        uint24 withdrawnBids;
        // slot 3: how far the payment has come
        uint96 paidWei;
        uint40 settledWh; // energy paid or credited
        uint40 newerWh; // energy of the bids passed at the clearing level
        uint8 nextWord; // of price levels
        uint24 nextBidId;
        uint24 bidsPassed;
        // slot 4: touched only if a payee does not take its payment
        uint96 deferredWei;
    }

    /// @inheritdoc IDemand_Reduction
    Access public access;
    /// @inheritdoc IDemand_Reduction
    uint256 public request_count;

    mapping(uint256 requestId => RequestData) private _requests;
    mapping(address consumer => Standing) private _standings;
    mapping(address payee => uint256 amountWei) private _deferred;
    BookLib.Book[BOOKS] private _books;

    /// @notice Makes the deployer the utility.
    constructor(Access access_) Ownable(msg.sender) {
        access = access_;
        emit AccessChanged(access_);
    }

    /* REQUESTING */

    /// @inheritdoc IDemand_Reduction
    function request_reduction(
        uint40 reduction_wh,
        uint64 price_step_wei,
        uint40 bidding_seconds,
        uint40 dispatch_start,
        uint40 dispatch_end,
        uint32 minimum_bid_wh,
        Pricing pricing
    ) external payable onlyOwner returns (uint256 request_id) {
        if (reduction_wh == 0 || reduction_wh > MAX_REDUCTION_WH) {
            revert ReductionOutOfRange(reduction_wh, MAX_REDUCTION_WH);
        }
        if (price_step_wei == 0) revert PriceStepZero();
        if (bidding_seconds == 0 || bidding_seconds > MAX_BIDDING_SECONDS) {
            revert BiddingTimeOutOfRange(bidding_seconds, MAX_BIDDING_SECONDS);
        }
        if (minimum_bid_wh > reduction_wh) revert MinimumBidTooLarge(minimum_bid_wh, reduction_wh);
        uint256 escrowWei = _maximumCostWei(reduction_wh, price_step_wei);
        if (msg.value != escrowWei) revert WrongEscrow(msg.value, escrowWei);
        uint40 gateClosure = uint40(block.timestamp) + bidding_seconds;
        bool noWindow = dispatch_start == 0 && dispatch_end == 0;
        if (!noWindow && (dispatch_start < gateClosure || dispatch_end <= dispatch_start)) {
            revert DispatchWindowInvalid(dispatch_start, dispatch_end, gateClosure);
        }
        request_id = _takeBook();

        RequestData storage request = _requests[request_id];
        request.reductionWh = reduction_wh;
        request.gateClosure = gateClosure;
        request.minimumBidWh = minimum_bid_wh;
        request.priceStepWei = price_step_wei;
        request.access = access;
        request.pricing = pricing;
        request.status = Status.BIDDING;
        request.utility = msg.sender;
        request.dispatchStart = dispatch_start;
        request.dispatchEnd = dispatch_end;

        emit ReductionRequested(
            request_id,
            reduction_wh,
            price_step_wei,
            gateClosure,
            dispatch_start,
            dispatch_end,
            minimum_bid_wh,
            pricing
        );
    }

    /// @inheritdoc IDemand_Reduction
    function cancel_request(uint256 request_id) external onlyOwner nonReentrant {
        RequestData storage request = _openRequest(request_id);
        request.status = Status.CANCELLED;
        uint256 escrowWei = _escrowWei(request);
        emit RequestCancelled(request_id, escrowWei);
        _refund(request_id, request, escrowWei);
    }

    /* WHO MAY BID */

    /// @inheritdoc IDemand_Reduction
    function set_access(Access access_) external onlyOwner {
        access = access_;
        uint256 newest = request_count;
        for (uint256 i; i < BOOKS && i < newest; ++i) {
            _requests[newest - i].access = access_;
        }
        emit AccessChanged(access_);
    }

    /// @inheritdoc IDemand_Reduction
    function approve(address[] calldata consumers) external onlyOwner {
        for (uint256 i; i < consumers.length; ++i) {
            _setStanding(consumers[i], Standing.APPROVED);
            emit ConsumerApproved(consumers[i]);
        }
    }

    /// @inheritdoc IDemand_Reduction
    function revoke(address[] calldata consumers) external onlyOwner {
        for (uint256 i; i < consumers.length; ++i) {
            _setStanding(consumers[i], Standing.REVOKED);
            emit ConsumerRevoked(consumers[i]);
        }
    }

    /// @inheritdoc IDemand_Reduction
    function register() external {
        Standing standing = _standings[msg.sender];
        if (standing == Standing.REVOKED) revert Revoked(msg.sender);
        if (standing != Standing.UNKNOWN) revert AlreadyRegistered(msg.sender);
        _setStanding(msg.sender, Standing.REGISTERED);
        emit ConsumerRegistered(msg.sender);
    }

    /* BIDDING */

    /// @inheritdoc IDemand_Reduction
    function submit_bids(uint256 request_id, Bid[] calldata bids) external returns (uint256 first_bid_id) {
        RequestData storage request = _openRequest(request_id);
        if (!_isAllowed(msg.sender, request.access)) revert NotAllowed(msg.sender);
        if (bids.length == 0) revert NoBids();
        uint256 reductionWh = request.reductionWh;
        uint256 minimumWh = request.minimumBidWh;
        uint256 regions = request.regions;
        uint256 bidId = request.bidCount;
        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        unchecked {
            // Calldata bounds the number of bids, and all else is far below 2**256.
            if (bidId + bids.length > MAX_BID_ID) revert BookFull(MAX_BID_ID);
            first_bid_id = bidId + 1;
            for (uint256 i; i < bids.length; ++i) {
                Bid calldata bid = bids[i];
                uint256 energyWh = bid.energy_wh;
                uint256 level = bid.price_level;
                if (energyWh < minimumWh || energyWh == 0) revert BidTooSmall(energyWh, minimumWh);
                if (level == 0 || level > PRICE_LEVELS) revert PriceLevelOutOfRange(level, PRICE_LEVELS);
                // More than the reduction can never be sold, and would only fill the level for others.
                if (energyWh > reductionWh) energyWh = reductionWh;
                book.add(stamp, ++bidId, msg.sender, energyWh, level);
                regions |= BookLib.regionBit(level);
            }
        }
        request.bidCount = uint24(bidId);
        request.regions = uint32(regions);
        emit BidsSubmitted(request_id, msg.sender, first_bid_id, bids);
    }

    /// @inheritdoc IDemand_Reduction
    function withdraw_bids(uint256 request_id, uint256[] calldata bid_ids) external {
        RequestData storage request = _openRequest(request_id);
        if (bid_ids.length == 0) revert NoBids();

        (BookLib.Book storage book,) = _bookOf(request_id);
        for (uint256 i; i < bid_ids.length; ++i) {
            uint256 bidId = bid_ids[i];
            if (bidId == 0 || bidId > request.bidCount) revert UnknownBid(request_id, bidId);
            BidWord bid = book.bids[bidId].word;
            if (bid.consumer() != msg.sender) revert NotYourBid(bidId, msg.sender);
            if (bid.energyWh() == 0) revert AlreadyWithdrawn(bidId);
            book.remove(bidId, bid);
        }
        request.withdrawnBids += uint24(bid_ids.length);
        emit BidsWithdrawn(request_id, msg.sender, bid_ids);
    }

    /* CLEARING */

    /// @inheritdoc IDemand_Reduction
    function select_winners(uint256 request_id) external nonReentrant {
        RequestData storage request = _requests[request_id];
        if (request.status != Status.BIDDING) revert WrongStatus(request_id, request.status);
        if (block.timestamp < request.gateClosure) revert GateOpen(request.gateClosure, block.timestamp);

        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        BookLib.Clearing memory clearing = book.clear(stamp, request.regions, request.reductionWh);
        uint256 costWei = _costWei(request, clearing);
        book.usedWords = clearing.usedWords;
        request.status = clearing.energyWh == 0 ? Status.SETTLED : Status.CLEARED;
        request.costWei = uint96(costWei);
        request.energyWh = uint40(clearing.energyWh);
        request.marginalWh = uint40(clearing.marginalWh);
        request.clearingLevel = uint16(clearing.level);
        uint256 refundWei = _escrowWei(request) - costWei;

        emit WinnersSelected(
            request_id, uint16(clearing.level), uint40(clearing.energyWh), costWei, refundWei
        );
        _refund(request_id, request, refundWei);
        if (clearing.energyWh == 0) emit RequestSettled(request_id, 0, request.deferredWei);
    }

    /* PAYING */

    /// @inheritdoc IDemand_Reduction
    function pay_winners(uint256 request_id, uint256 max_winners)
        external
        nonReentrant
        returns (uint256 winners_left)
    {
        RequestData memory request = _requests[request_id];
        if (request.status != Status.CLEARED) revert WrongStatus(request_id, request.status);

        _payBatch(request_id, request, max_winners);

        RequestData storage stored = _requests[request_id];
        stored.paidWei = request.paidWei;
        stored.settledWh = request.settledWh;
        stored.newerWh = request.newerWh;
        stored.nextWord = request.nextWord;
        stored.nextBidId = request.nextBidId;
        stored.bidsPassed = request.bidsPassed;
        if (stored.deferredWei != request.deferredWei) stored.deferredWei = request.deferredWei;
        if (request.settledWh != request.energyWh) {
            return uint256(request.bidCount) - request.withdrawnBids - request.bidsPassed;
        }
        stored.status = Status.SETTLED;
        emit RequestSettled(request_id, request.paidWei, request.deferredWei);
    }

    /// @inheritdoc IDemand_Reduction
    function withdraw() external nonReentrant returns (uint256 amount_wei) {
        amount_wei = _deferred[msg.sender];
        if (amount_wei == 0) revert NothingDeferred(msg.sender);
        _deferred[msg.sender] = 0;
        emit DeferredWithdrawn(msg.sender, amount_wei);
        SafeTransferLib.safeTransferETH(msg.sender, amount_wei);
    }

    /* VIEWS */

    /// @inheritdoc IDemand_Reduction
    function get_request(uint256 request_id) external view returns (Request memory request) {
        RequestData storage data = _requests[request_id];
        uint256 escrowWei = _escrowWei(data);
        bool refunded = data.status > Status.BIDDING && !data.refundDeferred;
        return Request({
            status: data.status,
            access: data.access,
            pricing: data.pricing,
            utility: data.utility,
            reduction_wh: data.reductionWh,
            price_step_wei: data.priceStepWei,
            gate_closure: data.gateClosure,
            dispatch_start: data.dispatchStart,
            dispatch_end: data.dispatchEnd,
            minimum_bid_wh: data.minimumBidWh,
            bid_count: data.bidCount,
            clearing_level: data.clearingLevel,
            energy_wh: data.energyWh,
            escrow_wei: escrowWei,
            cost_wei: data.costWei,
            paid_wei: data.paidWei,
            deferred_wei: data.deferredWei,
            refunded_wei: refunded ? escrowWei - data.costWei : 0
        });
    }

    /// @inheritdoc IDemand_Reduction
    function get_bids(uint256 request_id, uint256 offset, uint256 limit)
        external
        view
        returns (BookedBid[] memory bids)
    {
        BookLib.Book storage book = _bookForReading(request_id);
        uint256 bidCount = _requests[request_id].bidCount;
        if (offset >= bidCount) return bids;
        uint256 length = bidCount - offset;
        if (length > limit) length = limit;
        bids = new BookedBid[](length);
        for (uint256 i; i < length; ++i) {
            uint256 bidId = offset + i + 1;
            BidWord bid = book.bids[bidId].word;
            bids[i] = BookedBid(bidId, bid.consumer(), uint32(bid.energyWh()), uint16(bid.priceLevel()));
        }
    }

    /// @inheritdoc IDemand_Reduction
    function get_winners(uint256 request_id, uint256 offset, uint256 limit)
        external
        view
        returns (Winner[] memory winners)
    {
        BookLib.Book storage book = _bookForReading(request_id);
        RequestData memory request = _requests[request_id];
        uint256 length = request.bidCount;
        if (length > limit) length = limit;
        winners = new Winner[](length);
        uint256 found;
        uint256 leftWh = request.energyWh;
        BookLib.Walk memory walk;
        while (leftWh != 0 && found < length) {
            (uint256 bidId, BidWord bid, uint256 acceptedWh) =
                book.next(request.clearingLevel, request.marginalWh, walk);
            leftWh -= acceptedWh;
            if (acceptedWh == 0) continue;
            if (offset != 0) {
                --offset;
                continue;
            }
            uint256 amountWei = _amountWei(request, acceptedWh, bid.priceLevel());
            winners[found++] = Winner(bidId, bid.consumer(), uint40(acceptedWh), amountWei);
        }
        // Cuts the list to what there is; Solidity has no other way.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(winners, found)
        }
    }

    /// @inheritdoc IDemand_Reduction
    function get_quote(uint256 request_id)
        external
        view
        returns (uint16 clearing_level, uint40 energy_wh, uint256 cost_wei, uint256 offered_wh)
    {
        RequestData storage request = _requests[request_id];
        if (request.status != Status.BIDDING) {
            return (request.clearingLevel, request.energyWh, request.costWei, request.energyWh);
        }
        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        BookLib.Clearing memory clearing = book.clear(stamp, request.regions, request.reductionWh);
        cost_wei = _costWei(request, clearing);
        return (uint16(clearing.level), uint40(clearing.energyWh), cost_wei, book.offeredWh(stamp));
    }

    /// @inheritdoc IDemand_Reduction
    function is_allowed(address consumer) external view returns (bool allowed) {
        return _isAllowed(consumer, access);
    }

    /// @inheritdoc IDemand_Reduction
    function get_deferred(address payee) external view returns (uint256 amount_wei) {
        return _deferred[payee];
    }

    /// @inheritdoc IDemand_Reduction
    function get_standing(address consumer) external view returns (Standing standing) {
        return _standings[consumer];
    }

    /* OWNERSHIP */

    /// @notice Refused: without a utility nobody could ever request again.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipNotRenounceable();
    }

    /* INTERNAL: BOOKS */

    /// @dev The next request's id. Its book must be free: the request that used it last is finished or never was.
    function _takeBook() private returns (uint256 requestId) {
        requestId = ++request_count;
        if (requestId > MAX_REQUESTS) revert RequestsExhausted(MAX_REQUESTS);
        if (requestId <= BOOKS) return requestId;
        Status previous = _requests[requestId - BOOKS].status;
        if (previous == Status.BIDDING || previous == Status.CLEARED) revert BookBusy(requestId - BOOKS);
    }

    /// @dev The book of a request and the stamp that its levels carry.
    function _bookOf(uint256 requestId) private view returns (BookLib.Book storage book, uint256 stamp) {
        return (_books[requestId % BOOKS], _stamp(requestId));
    }

    /// @dev Never 0, so that a slot never used is empty to every request.
    function _stamp(uint256 requestId) private pure returns (uint256) {
        unchecked {
            return requestId / BOOKS + 1;
        }
    }

    /// @dev The book of a request, if no later request has it.
    function _bookForReading(uint256 requestId) private view returns (BookLib.Book storage book) {
        if (request_count >= requestId + BOOKS) revert BookReused(requestId);
        return _books[requestId % BOOKS];
    }

    /// @dev A request that takes bids now.
    function _openRequest(uint256 requestId) private view returns (RequestData storage request) {
        request = _requests[requestId];
        if (request.status != Status.BIDDING) revert WrongStatus(requestId, request.status);
        if (block.timestamp >= request.gateClosure) revert GateClosed(request.gateClosure, block.timestamp);
    }

    /* INTERNAL: MONEY */

    /// @dev What the energy accepted costs.
    function _costWei(RequestData storage request, BookLib.Clearing memory clearing) private view returns (uint256) {
        uint256 energyLevels =
            request.pricing == Pricing.UNIFORM ? clearing.energyWh * clearing.level : clearing.energyLevels;
        return energyLevels * request.priceStepWei;
    }

    /// @dev What `energyWh` of a bid at `level` is paid.
    function _amountWei(RequestData memory request, uint256 energyWh, uint256 level) private pure returns (uint256) {
        uint256 paidLevel = request.pricing == Pricing.UNIFORM ? request.clearingLevel : level;
        return energyWh * paidLevel * request.priceStepWei;
    }

    function _maximumCostWei(uint256 reductionWh, uint256 priceStepWei) private pure returns (uint256) {
        return reductionWh * priceStepWei * PRICE_LEVELS;
    }

    function _escrowWei(RequestData storage request) private view returns (uint256) {
        return _maximumCostWei(request.reductionWh, request.priceStepWei);
    }

    /// @dev Pays winners and keeps in `request` how far it came; the caller stores that.
    function _payBatch(uint256 requestId, RequestData memory request, uint256 maxWinners) private {
        (BookLib.Book storage book,) = _bookOf(requestId);
        BookLib.Walk memory walk = BookLib.Walk(request.nextWord, request.nextBidId, request.newerWh);
        uint256 skips;
        while (maxWinners != 0 && skips < MAX_SKIPS && request.settledWh != request.energyWh) {
            (uint256 bidId, BidWord bid, uint256 acceptedWh) =
                book.next(request.clearingLevel, request.marginalWh, walk);
            if (bid.energyWh() != 0) ++request.bidsPassed;
            if (acceptedWh == 0) {
                ++skips;
                continue;
            }
            --maxWinners;
            request.settledWh += uint40(acceptedWh);
            _payWinner(requestId, request, bidId, bid, acceptedWh);
        }
        request.nextWord = uint8(walk.nextWord);
        request.nextBidId = uint24(walk.bidId);
        request.newerWh = uint40(walk.newerWh);
    }

    /// @dev Pushes what a winning bid earned to its consumer, or credits it.
    function _payWinner(
        uint256 requestId,
        RequestData memory request,
        uint256 bidId,
        BidWord bid,
        uint256 energyWh
    ) private {
        address consumer = bid.consumer();
        uint256 amountWei = _amountWei(request, energyWh, bid.priceLevel());
        if (_push(consumer, amountWei)) {
            request.paidWei += uint96(amountWei);
            emit WinnerPaid(requestId, consumer, bidId, uint40(energyWh), amountWei);
        } else {
            request.deferredWei += uint96(amountWei);
            emit PaymentDeferred(requestId, consumer, bidId, uint40(energyWh), amountWei);
        }
    }

    /// @dev Pushes what a request does not cost back to who put it up, or credits it.
    function _refund(uint256 requestId, RequestData storage request, uint256 amountWei) private {
        if (amountWei == 0 || _push(request.utility, amountWei)) return;
        request.refundDeferred = true;
        request.deferredWei += uint96(amountWei);
        emit PaymentDeferred(requestId, request.utility, 0, 0, amountWei);
    }

    /// @dev Sends `amountWei` to `payee`, who cannot stop or rob the caller: gas is bounded, what it returns is not
    /// copied, and on failure the amount is credited. Whoever sent too little gas to be fair to the payee is refused.
    function _push(address payee, uint256 amountWei) private returns (bool pushed) {
        if (gasleft() < PUSH_GAS) revert NotEnoughGas(gasleft(), PUSH_GAS);
        pushed = SafeTransferLib.trySafeTransferETH(payee, amountWei, PAYEE_GAS);
        if (!pushed) _deferred[payee] += amountWei;
    }

    /* INTERNAL: CONSUMERS */

    function _isAllowed(address consumer, Access access_) private view returns (bool) {
        if (access_ == Access.OPEN) return true;
        Standing standing = _standings[consumer];
        return standing == Standing.APPROVED || (access_ == Access.REGISTERED && standing == Standing.REGISTERED);
    }

    function _setStanding(address consumer, Standing standing) private {
        if (consumer == address(0)) revert ZeroAddress();
        _standings[consumer] = standing;
    }
}
