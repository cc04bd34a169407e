// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

import {IDemand_Reduction} from "./interfaces/IDemand_Reduction.sol";
import {BidWord} from "./libraries/BidWord.sol";
import {BookLib} from "./libraries/BookLib.sol";
import {either} from "./libraries/Either.sol";
import {HeadsLib} from "./libraries/HeadsLib.sol";
import {MAX_BID_ID, MAX_LEVEL_WH} from "./libraries/LevelsWord.sol";
import {PRICE_LEVELS as LEVELS} from "./libraries/PriceGrid.sol";
import {MAX_WORD_REDUCTION_WH, RequestWord, RequestWordLib} from "./libraries/RequestWord.sol";

/// @title Demand_Reduction
/// @notice A market for demand response: a utility requests, consumers bid, the cheapest bids are bought and paid.
/// @dev Energy in Wh, prices in wei per Wh, times in seconds. The interface says what each function promises.
contract Demand_Reduction is IDemand_Reduction, Ownable2Step, ReentrancyGuardTransient {
    using BookLib for BookLib.Book;
    using HeadsLib for HeadsLib.Heads;

    /* CONSTANTS */

    /// @inheritdoc IDemand_Reduction
    uint256 public constant PRICE_LEVELS = LEVELS;
    uint256 private constant BOOKS = 16;
    uint256 private constant MAX_REDUCTION_WH = MAX_WORD_REDUCTION_WH;
    uint256 private constant MAX_BIDDING_SECONDS = 30 days;
    uint256 private constant MAX_SKIPS = 1000;

    /// @dev Request ids are below this. Every use of a book needs a stamp of its own, and a stamp has 16 bits, one
    /// value of which is left out: `BOOKS * (2**16 - 1)`. Written out, as are the next two, for use in assembly.
    uint256 private constant REQUESTS = 1048560;
    /// @dev Storage slots of a request, and of a book.
    uint256 private constant REQUEST_SLOTS = 4;
    uint256 private constant BOOK_SLOTS = 8388767;
    /// @dev Bytes of a bid in calldata.
    uint256 private constant BID_BYTES = 64;
    /// @dev Gas a payee may use: enough for a smart wallet to log what it got, too little to hurt a batch.
    uint256 private constant PAYEE_GAS = 30_000;
    /// @dev Gas that must be left before a push, so that the payee gets all of `PAYEE_GAS` and the call can end well.
    uint256 private constant PUSH_GAS = 150_000;

    /* STORAGE */

    struct RequestData {
        RequestWord word;
        // slot 1
        address utility;
        uint40 dispatchStart; // s
        uint40 dispatchEnd; // s
        // slot 2: the outcome
        uint96 costWei;
        uint40 energyWh;
        uint32 lateWh; // energy at the clearing level that came too late
        uint16 clearingLevel;
        uint24 withdrawnBids;
        // slot 3: touched only if a payee does not take its payment
        uint96 paymentsDeferredWei;
        uint96 refundDeferredWei;
    }

    /// @dev What a batch of payments carries from one winner to the next.
    struct Batch {
        uint256 requestId;
        uint256 priceStepWei;
        uint256 clearingLevel;
        uint256 bidCount;
        bool uniform;
        uint256 leftWh; // energy not paid yet
        uint256 energyLevels; // paid: Wh x levels paid for them
        uint256 bidsPassed;
        uint256 deferredWei;
    }

    /// @inheritdoc IDemand_Reduction
    Access public access;
    /// @inheritdoc IDemand_Reduction
    uint256 public request_count;

    /// @dev Like the books a fixed array, whose slots are found by arithmetic, without a hash. There is no request 0.
    RequestData[REQUESTS] private _requests;
    mapping(address consumer => Standing) private _standings;
    mapping(address payee => uint256 amountWei) private _deferred;
    BookLib.Book[BOOKS] private _books;

    /// @notice Makes the deployer the utility.
    constructor(Access access_) Ownable(msg.sender) {
        _checkPlaces();
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
        uint256 largestBidWh = Math.min(reduction_wh, MAX_LEVEL_WH);
        if (minimum_bid_wh > largestBidWh) revert MinimumBidTooLarge(minimum_bid_wh, largestBidWh);
        uint256 escrowWei = _maximumCostWei(reduction_wh, price_step_wei);
        if (msg.value != escrowWei) revert WrongEscrow(msg.value, escrowWei);
        uint40 gateClosure = uint40(block.timestamp) + bidding_seconds;
        bool noWindow = dispatch_start == 0 && dispatch_end == 0;
        if (!noWindow && (dispatch_start < gateClosure || dispatch_end <= dispatch_start)) {
            revert DispatchWindowInvalid(dispatch_start, dispatch_end, gateClosure);
        }
        request_id = _takeBook();

        RequestData storage request = _request(request_id);
        request.word = RequestWordLib.pack(
            reduction_wh, minimum_bid_wh, gateClosure, price_step_wei, access, pricing
        );
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
        (RequestData storage request, RequestWord word) = _openRequest(request_id);
        request.word = word.withStatus(Status.CANCELLED);
        uint256 escrowWei = _escrowWei(word);
        emit RequestCancelled(request_id, escrowWei);
        _refund(request_id, request, escrowWei);
    }

    /* WHO MAY BID */

    /// @inheritdoc IDemand_Reduction
    function set_access(Access access_) external onlyOwner {
        access = access_;
        uint256 newest = request_count;
        for (uint256 i; i < BOOKS && i < newest; ++i) {
            RequestData storage request = _request(newest - i);
            request.word = request.word.withAccess(access_);
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
        RequestData storage request = _request(request_id);
        RequestWord word = request.word;
        // What is usual is looked at in one comparison, what is not in a place of its own.
        if (either(word.isRestricted(block.timestamp), bids.length == 0)) {
            _requireMayBid(request_id, word);
            if (bids.length == 0) revert NoBids();
        }
        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        unchecked {
            // Calldata bounds the number of bids. Energy and level may still be any numbers where `withBid` counts the
            // bid: if they are not sound, one of the next two calls reverts.
            first_bid_id = word.bidCount() + 1;
            uint256 place = _placeOf(bids);
            uint256 end = place + bids.length * BID_BYTES;
            while (true) {
                (uint256 energyWh, uint256 level) = _bidAt(place);
                place += BID_BYTES;
                word = word.withBid(level);
                if (_isUnusual(energyWh, level, word)) energyWh = _energyTakenWh(energyWh, level, word);
                book.add(stamp, word.bidCount(), msg.sender, energyWh, level);
                if (place == end) break;
            }
        }
        request.word = word;
        _returnWithBidsSubmitted(request_id, first_bid_id, bids);
    }

    /// @inheritdoc IDemand_Reduction
    function withdraw_bids(uint256 request_id, uint256[] calldata bid_ids) external {
        (RequestData storage request, RequestWord word) = _openRequest(request_id);
        if (bid_ids.length == 0) revert NoBids();

        (BookLib.Book storage book,) = _bookOf(request_id);
        for (uint256 i; i < bid_ids.length; ++i) {
            uint256 bidId = bid_ids[i];
            if (bidId == 0 || bidId > word.bidCount()) revert UnknownBid(request_id, bidId);
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
        RequestData storage request = _request(request_id);
        RequestWord word = request.word;
        if (word.status() != Status.BIDDING) revert WrongStatus(request_id, word.status());
        if (block.timestamp < word.gateClosure()) revert GateOpen(word.gateClosure(), block.timestamp);

        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        BookLib.Clearing memory clearing = _clear(book, stamp, word, word.reductionWh());
        uint256 costWei = clearing.energyLevels * word.priceStepWei();
        book.heads.keep(clearing.words, word.bidCount());
        request.word = word.withStatus(clearing.energyWh == 0 ? Status.SETTLED : Status.CLEARED);
        request.costWei = uint96(costWei);
        request.energyWh = uint40(clearing.energyWh);
        request.lateWh = uint32(clearing.lateWh);
        request.clearingLevel = uint16(clearing.level);
        uint256 refundWei = _escrowWei(word) - costWei;

        emit WinnersSelected(
            request_id, uint16(clearing.level), uint40(clearing.energyWh), costWei, refundWei
        );
        _refund(request_id, request, refundWei);
        if (clearing.energyWh == 0) emit RequestSettled(request_id, 0, request.refundDeferredWei);
    }

    /* PAYING */

    /// @inheritdoc IDemand_Reduction
    function pay_winners(uint256 request_id, uint256 max_winners)
        external
        nonReentrant
        returns (uint256 winners_left)
    {
        RequestData storage request = _request(request_id);
        RequestWord word = request.word;
        if (word.status() != Status.CLEARED) revert WrongStatus(request_id, word.status());

        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        BookLib.Payment memory payment = _paymentOf(request, book, stamp);
        uint256 leftWh = _payBatch(request_id, book, payment, max_winners);
        book.payment = payment;
        if (leftWh != 0) return word.bidCount() - request.withdrawnBids - payment.bidsPassed;
        // Read again: a payee may have been the utility, and have changed the access.
        request.word = request.word.withStatus(Status.SETTLED);
        uint256 deferredWei = request.paymentsDeferredWei;
        emit RequestSettled(request_id, request.costWei - deferredWei, deferredWei + request.refundDeferredWei);
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
        RequestData storage data = _request(request_id);
        RequestWord word = data.word;
        Status status = word.status();
        uint256 escrowWei = _escrowWei(word);
        uint256 refundedWei =
            status > Status.BIDDING ? escrowWei - data.costWei - data.refundDeferredWei : 0;
        return Request({
            status: status,
            access: word.access(),
            pricing: word.pricing(),
            utility: data.utility,
            reduction_wh: uint40(word.reductionWh()),
            price_step_wei: uint64(word.priceStepWei()),
            gate_closure: uint40(word.gateClosure()),
            dispatch_start: data.dispatchStart,
            dispatch_end: data.dispatchEnd,
            minimum_bid_wh: uint32(word.minimumBidWh()),
            bid_count: word.bidCount(),
            clearing_level: data.clearingLevel,
            energy_wh: data.energyWh,
            escrow_wei: escrowWei,
            cost_wei: data.costWei,
            paid_wei: _paidWei(request_id, data),
            deferred_wei: uint256(data.paymentsDeferredWei) + data.refundDeferredWei,
            refunded_wei: refundedWei
        });
    }

    /// @inheritdoc IDemand_Reduction
    function get_bids(uint256 request_id, uint256 offset, uint256 limit)
        external
        view
        returns (BookedBid[] memory bids)
    {
        BookLib.Book storage book = _bookForReading(request_id);
        uint256 bidCount = _request(request_id).word.bidCount();
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
        RequestData memory request = _request(request_id);
        RequestWord word = request.word;
        uint256 length = word.bidCount();
        if (length > limit) length = limit;
        winners = new Winner[](length);
        uint256 found;
        uint256 leftWh = request.energyWh;
        BookLib.Walk memory walk = BookLib.Walk(0, 0, request.lateWh);
        while (leftWh != 0 && found < length) {
            (uint256 bidId, BidWord bid, uint256 acceptedWh) = book.next(word.bidCount(), request.clearingLevel, walk);
            leftWh -= acceptedWh;
            if (acceptedWh == 0) continue;
            if (offset != 0) {
                --offset;
                continue;
            }
            uint256 paidLevel = word.pricing() == Pricing.UNIFORM ? request.clearingLevel : bid.priceLevel();
            uint256 amountWei = acceptedWh * paidLevel * word.priceStepWei();
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
        RequestData storage request = _request(request_id);
        RequestWord word = request.word;
        if (word.status() != Status.BIDDING) {
            return (request.clearingLevel, request.energyWh, request.costWei, request.energyWh);
        }
        (BookLib.Book storage book, uint256 stamp) = _bookOf(request_id);
        BookLib.Clearing memory clearing = _clear(book, stamp, word, word.reductionWh());
        cost_wei = clearing.energyLevels * word.priceStepWei();
        // More is wanted than so many bids can offer, of 32 bits each.
        offered_wh = _clear(book, stamp, word, (word.bidCount() + 1) << 32).energyWh;
        return (uint16(clearing.level), uint40(clearing.energyWh), cost_wei, offered_wh);
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

    /// @inheritdoc IDemand_Reduction
    function get_constants()
        external
        pure
        returns (uint256 books, uint256 max_reduction_wh, uint256 max_bidding_seconds, uint256 max_skips)
    {
        return (BOOKS, MAX_REDUCTION_WH, MAX_BIDDING_SECONDS, MAX_SKIPS);
    }

    /* OWNERSHIP */

    /// @notice Refused: without a utility nobody could ever request again.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipNotRenounceable();
    }

    /* INTERNAL: REQUESTS AND BOOKS */

    /// @dev The next request's id. Its book must be free: the request that used it last is finished or never was.
    function _takeBook() private returns (uint256 requestId) {
        requestId = ++request_count;
        if (requestId >= REQUESTS) revert RequestsExhausted(REQUESTS - 1);
        if (requestId <= BOOKS) return requestId;
        Status previous = _request(requestId - BOOKS).word.status();
        if (previous == Status.BIDDING || previous == Status.CLEARED) revert BookBusy(requestId - BOOKS);
    }

    /// @dev The book of a request and the stamp that its levels carry.
    function _bookOf(uint256 requestId) private pure returns (BookLib.Book storage book, uint256 stamp) {
        return (_book(requestId), _stamp(requestId));
    }

    /// @dev `_books[requestId % BOOKS]`, without looking whether there are so many.
    function _book(uint256 requestId) private pure returns (BookLib.Book storage book) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            book.slot := add(_books.slot, mul(BOOK_SLOTS, mod(requestId, BOOKS)))
        }
    }

    /// @dev The request of this id; for one that there can never be, request 0, which never is.
    function _request(uint256 requestId) private pure returns (RequestData storage request) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            request.slot := add(_requests.slot, mul(REQUEST_SLOTS, mul(requestId, lt(requestId, REQUESTS))))
        }
    }

    /// @dev Fails if `_request` or `_book` reckon otherwise than the compiler. Known when compiled, so it costs
    /// nothing.
    function _checkPlaces() private view {
        RequestData storage request = _requests[REQUESTS - 1];
        RequestData storage sameRequest = _request(REQUESTS - 1);
        BookLib.Book storage book = _books[BOOKS - 1];
        BookLib.Book storage sameBook = _book(REQUESTS - 1);
        bool same;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            same := and(eq(request.slot, sameRequest.slot), eq(book.slot, sameBook.slot))
        }
        assert(same && book.isAsCompiled());
        assert(REQUESTS == BOOKS * type(uint16).max);
    }

    /// @dev Never 0, so that a slot never used is empty to every request.
    function _stamp(uint256 requestId) private pure returns (uint256) {
        unchecked {
            return requestId / BOOKS + 1;
        }
    }

    /// @dev The book of a request, if no later request has it.
    function _bookForReading(uint256 requestId) private view returns (BookLib.Book storage book) {
        uint256 newest = request_count;
        if (requestId != 0 && newest >= BOOKS && requestId <= newest - BOOKS) revert BookReused(requestId);
        return _book(requestId);
    }

    /* INTERNAL: BIDDING */

    /// @dev A request that takes bids now.
    function _openRequest(uint256 requestId) private view returns (RequestData storage request, RequestWord word) {
        request = _request(requestId);
        word = request.word;
        _requireOpen(requestId, word);
    }

    function _requireOpen(uint256 requestId, RequestWord word) private view {
        if (word.status() != Status.BIDDING) revert WrongStatus(requestId, word.status());
        if (block.timestamp >= word.gateClosure()) revert GateClosed(word.gateClosure(), block.timestamp);
    }

    /// @dev Whatever `isRestricted` may have meant.
    function _requireMayBid(uint256 requestId, RequestWord word) private view {
        _requireOpen(requestId, word);
        if (!_isAllowed(msg.sender, word.access())) revert NotAllowed(msg.sender);
    }

    /// @dev Where in calldata the first bid is.
    function _placeOf(Bid[] calldata bids) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := bids.offset
        }
    }

    /// @dev The bid at this place in calldata, read without looking whether its fields are within their types: what
    /// `_isUnusual` finds, `_energyTakenWh` refuses, and more energy than any level has room for the book does.
    function _bidAt(uint256 place) private pure returns (uint256 energyWh, uint256 level) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            energyWh := calldataload(place)
            level := calldataload(add(place, 0x20))
        }
    }

    /// @dev Whether a bid, which `word` counts already, has to be looked at by `_energyTakenWh`.
    function _isUnusual(uint256 energyWh, uint256 level, RequestWord word) private pure returns (bool) {
        unchecked {
            // What is too small becomes the largest of numbers by the subtraction.
            uint256 leastWh = word.leastBidWh();
            bool energyUnusual = energyWh - leastWh > word.reductionWh() - leastWh;
            return either(either(energyUnusual, level - 1 > PRICE_LEVELS - 1), word.isOverfull());
        }
    }

    /// @dev With how much energy an unusual bid is taken (Wh), if it is.
    function _energyTakenWh(uint256 energyWh, uint256 level, RequestWord word) private pure returns (uint256) {
        if (energyWh < word.leastBidWh()) revert BidTooSmall(energyWh, word.minimumBidWh());
        if (level == 0 || level > PRICE_LEVELS) revert PriceLevelOutOfRange(level, PRICE_LEVELS);
        if (word.isOverfull()) revert BookFull(MAX_BID_ID);
        // More than the reduction can never be sold, and would only fill the level for others.
        return Math.min(SafeCast.toUint32(energyWh), word.reductionWh());
    }

    /// @dev As `emit BidsSubmitted(requestId, msg.sender, firstBidId, bids)`, which would decode and encode every bid
    /// once more, and `return firstBidId` from the call. Only for bids whose every field has been found to be within
    /// its type.
    function _returnWithBidsSubmitted(uint256 requestId, uint256 firstBidId, Bid[] calldata bids) private {
        bytes32 topic = BidsSubmitted.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // The list as it is in calldata: its length, then the bids.
            let size := add(0x20, mul(bids.length, BID_BYTES))
            let data := mload(0x40)
            mstore(data, firstBidId)
            mstore(add(data, 0x20), 0x40) // where the list begins
            calldatacopy(add(data, 0x40), sub(bids.offset, 0x20), size)
            log3(data, add(0x40, size), topic, requestId, caller())
            return(data, 0x20)
        }
    }

    /* INTERNAL: MONEY */

    /// @dev The outcome of a request by the bids so far, were this its reduction.
    function _clear(BookLib.Book storage book, uint256 stamp, RequestWord word, uint256 reductionWh)
        private
        view
        returns (BookLib.Clearing memory)
    {
        return book.clear(stamp, word.regions(), reductionWh, word.pricing() == Pricing.UNIFORM);
    }

    /// @dev What winners have been paid so far.
    function _paidWei(uint256 requestId, RequestData storage request) private view returns (uint256) {
        RequestWord word = request.word;
        if (word.status() != Status.CLEARED) return request.costWei - request.paymentsDeferredWei;
        (BookLib.Book storage book, uint256 stamp) = _bookOf(requestId);
        uint256 energyLevels = _paymentOf(request, book, stamp).energyLevels;
        return energyLevels * word.priceStepWei() - request.paymentsDeferredWei;
    }

    /// @dev How far the payment of a cleared request has come.
    function _paymentOf(RequestData storage request, BookLib.Book storage book, uint256 stamp)
        private
        view
        returns (BookLib.Payment memory payment)
    {
        payment = book.payment;
        if (payment.stamp != stamp) return BookLib.Payment(uint16(stamp), 0, 0, 0, 0, 0, request.lateWh);
    }

    function _maximumCostWei(uint256 reductionWh, uint256 priceStepWei) private pure returns (uint256) {
        return reductionWh * priceStepWei * PRICE_LEVELS;
    }

    function _escrowWei(RequestWord word) private pure returns (uint256) {
        return _maximumCostWei(word.reductionWh(), word.priceStepWei());
    }

    /// @dev Pays winners and keeps in `payment` how far it came; the caller stores that. Returns the energy that is
    /// still to be paid (Wh).
    function _payBatch(
        uint256 requestId,
        BookLib.Book storage book,
        BookLib.Payment memory payment,
        uint256 maxWinners
    ) private returns (uint256 leftWh) {
        RequestData storage request = _request(requestId);
        Batch memory batch = _batch(requestId, request, payment);
        BookLib.Walk memory walk = BookLib.Walk(payment.nextHead, payment.bidId, payment.lateWh);
        unchecked {
            // Bounded by the request's energy, bids and escrow, which have been checked.
            uint256 skips;
            while (maxWinners != 0 && skips < MAX_SKIPS && batch.leftWh != 0) {
                (uint256 bidId, BidWord bid, uint256 acceptedWh) = book.next(batch.bidCount, batch.clearingLevel, walk);
                if (bid.energyWh() != 0) ++batch.bidsPassed;
                if (acceptedWh == 0) {
                    ++skips;
                    continue;
                }
                --maxWinners;
                batch.leftWh -= acceptedWh;
                _payWinner(batch, bidId, bid, acceptedWh);
            }
        }
        leftWh = batch.leftWh;
        payment.energyWh = uint40(request.energyWh - leftWh);
        payment.energyLevels = uint48(batch.energyLevels);
        payment.bidsPassed = uint24(batch.bidsPassed);
        payment.nextHead = uint8(walk.nextHead);
        payment.bidId = uint24(walk.bidId);
        payment.lateWh = uint32(walk.lateWh);
        if (batch.deferredWei != 0) request.paymentsDeferredWei += uint96(batch.deferredWei);
    }

    /// @dev A batch that goes on where the payment stands.
    function _batch(uint256 requestId, RequestData storage request, BookLib.Payment memory payment)
        private
        view
        returns (Batch memory)
    {
        RequestWord word = request.word;
        return Batch({
            requestId: requestId,
            priceStepWei: word.priceStepWei(),
            clearingLevel: request.clearingLevel,
            bidCount: word.bidCount(),
            uniform: word.pricing() == Pricing.UNIFORM,
            leftWh: request.energyWh - payment.energyWh,
            energyLevels: payment.energyLevels,
            bidsPassed: payment.bidsPassed,
            deferredWei: 0
        });
    }

    /// @dev Pushes what a winning bid earned to its consumer, or credits it.
    function _payWinner(Batch memory batch, uint256 bidId, BidWord bid, uint256 energyWh) private {
        unchecked {
            address consumer = bid.consumer();
            uint256 energyLevels = energyWh * (batch.uniform ? batch.clearingLevel : bid.priceLevel());
            uint256 amountWei = energyLevels * batch.priceStepWei;
            batch.energyLevels += energyLevels;
            if (_push(consumer, amountWei)) {
                emit WinnerPaid(batch.requestId, consumer, bidId, uint40(energyWh), amountWei);
            } else {
                batch.deferredWei += amountWei;
                emit PaymentDeferred(batch.requestId, consumer, bidId, uint40(energyWh), amountWei);
            }
        }
    }

    /// @dev Pushes what a request does not cost back to who put it up, or credits it.
    function _refund(uint256 requestId, RequestData storage request, uint256 amountWei) private {
        if (amountWei == 0 || _push(request.utility, amountWei)) return;
        request.refundDeferredWei = uint96(amountWei);
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
