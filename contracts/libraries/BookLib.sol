// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWord, BidWordLib} from "./BidWord.sol";
import {HeadsLib} from "./HeadsLib.sol";
import {LevelSums} from "./LevelSums.sol";
import {LANES, LevelsWord, MAX_BID_ID, MAX_LEVEL_WH} from "./LevelsWord.sol";
import {REGION_WORDS, WORDS} from "./PriceGrid.sol";

/// @title BookLib
/// @notice The bids of one request, kept by price level, so that clearing never looks at a single bid.
/// @dev Neighbouring levels share a word, which holds the energy of each and the number of the newest bid at any of
/// them; every bid holds the number of the next older one in its word. Within a level the bids that came too late are
/// the newest ones, so the order of arrival needs no further storage.
/// @dev A book serves one request after the other. `stamp` names the request that it serves now: words with another
/// stamp count as empty, and bids beyond the request's own count are never read.
library BookLib {
    using HeadsLib for HeadsLib.Heads;

    /// @dev Fixed arrays: their slots are found by addition, without a hash. `levels` must come first. `heads` are the
    /// numbers of the newest bids of the words of levels that have had bids up to the clearing level, the cheapest word
    /// first, written at selection: paying takes them from here, many at a time, and never reads a word of levels.
    struct Book {
        LevelsSlot[WORDS] levels;
        HeadsLib.Heads heads;
        Payment payment;
        BidSlot[MAX_BID_ID + 1] bids;
    }

    /// @dev A word as a struct is written as it is; an array's bare element would be read and masked first.
    struct LevelsSlot {
        LevelsWord word;
    }

    /// @dev See `LevelsSlot`.
    struct BidSlot {
        BidWord word;
    }

    /// @dev How far the payment of the request of this stamp has come; of one with another stamp it has not begun.
    struct Payment {
        uint16 stamp;
        uint40 energyWh; // paid or credited
        uint48 energyLevels; // paid or credited: Wh x levels paid for them
        uint24 bidsPassed; // but for withdrawn ones
        uint8 nextHead; // the walk, see there
        uint24 bidId;
        uint32 lateWh;
    }

    /// @dev The outcome of clearing. `lateWh` is the energy at the clearing level that came too late (Wh),
    /// `energyLevels` the sum of the energy accepted times the levels paid for it (Wh x levels), `words` the words that
    /// have had bids, the cheapest first, up to the one with the clearing level; some may follow, which win nothing.
    struct Clearing {
        uint256 level;
        uint256 energyWh;
        uint256 lateWh;
        uint256 energyLevels;
        LevelsWord[] words;
    }

    /// @dev Where a walk over the words with winning bids stands: the next head, the next bid to look at (0: take a
    /// head), and the energy still to be passed at the clearing level before the first bid that came in time (Wh).
    struct Walk {
        uint256 nextHead;
        uint256 bidId;
        uint256 lateWh;
    }

    /// @notice The energy offered at this level has reached what the book can count.
    error LevelFull(uint256 price_level);

    /// @dev Storage slots of a book before its bids, written out for use in assembly.
    uint256 private constant BIDS_OFFSET = 159;

    /* WRITING */

    /// @notice Enters a bid as the newest. `bidId`, `energyWh` and `level` must have been checked.
    function add(Book storage book, uint256 stamp, uint256 bidId, address consumer, uint256 energyWh, uint256 level)
        internal
    {
        (LevelsSlot storage slot, uint256 lane) = _position(book, level);
        LevelsWord bare = slot.word.bare(stamp);
        unchecked {
            if (bare.energyWh(lane) + energyWh > MAX_LEVEL_WH) revert LevelFull(level);
        }
        _bid(book, bidId).word = BidWordLib.pack(consumer, energyWh, level, bare.newestBidIdOfBare());
        slot.word = bare.withBid(stamp, lane, energyWh, bidId);
    }

    /// @notice Takes the energy of `bid` out of the book. The bid stays in the list of its word, with nothing to win.
    function remove(Book storage book, uint256 bidId, BidWord bid) internal {
        (LevelsSlot storage slot, uint256 lane) = _position(book, bid.priceLevel());
        _bid(book, bidId).word = bid.withdrawn();
        slot.word = slot.word.withLess(lane, bid.energyWh());
    }

    /* CLEARING */

    /// @notice Accepts energy from the cheapest level up until `reductionWh` is reached or nothing is left.
    /// @dev Reads the words of levels up to the clearing level once, leaving out regions without bids, and no bid. Adds
    /// up whole regions, and takes away again what is too much.
    function clear(Book storage book, uint256 stamp, uint256 regions, uint256 reductionWh, bool uniform)
        internal
        view
        returns (Clearing memory clearing)
    {
        unchecked {
            // At most 1000 levels of less than 2**31 Wh each: no sum or product here comes near an overflow.
            (uint256 end, uint256 offeredWh) = _sum(book, stamp, regions, reductionWh, clearing);
            if (offeredWh == 0) return clearing;
            clearing.energyWh = _min(offeredWh, reductionWh);
            _cut(book, stamp, end, offeredWh - clearing.energyWh, clearing);
            if (uniform) clearing.energyLevels = clearing.energyWh * clearing.level;
        }
    }

    /// @dev Adds up regions until there is enough, or no other has bids. Returns the energy (Wh) and the end of the
    /// last region that had some; `clearing` gets the words and, as if all were accepted at its own price,
    /// `energyLevels`.
    function _sum(Book storage book, uint256 stamp, uint256 regions, uint256 wantedWh, Clearing memory clearing)
        private
        view
        returns (uint256 lastEnd, uint256 sumWh)
    {
        unchecked {
            uint256 free = _beginList(clearing);
            uint256 pairs;
            uint256 steps;
            for (uint256 index; regions != 0; regions >>= 1) {
                uint256 end = index + REGION_WORDS;
                if (regions & 1 == 0) {
                    index = end;
                    continue;
                }
                if (end > WORDS) end = WORDS;
                for (; index < end; ++index) {
                    LevelsWord word = _levels(book, index).word;
                    if (!word.carries(stamp)) continue;
                    (pairs, steps) = LevelSums.add(pairs, steps, word, index);
                    // solhint-disable-next-line no-inline-assembly
                    assembly ("memory-safe") {
                        mstore(free, word)
                        free := add(free, 0x20)
                    }
                }
                uint256 totalWh = LevelSums.energyWh(pairs);
                if (totalWh == sumWh) continue;
                (sumWh, lastEnd) = (totalWh, end);
                if (sumWh >= wantedWh) break;
            }
            _endList(clearing.words, free);
            clearing.energyLevels = LevelSums.energyLevels(pairs, steps);
        }
    }

    /// @dev Begins the list of words in free memory and returns where its first goes. Until `_endList` is told where
    /// the next would go, no other memory must be taken.
    function _beginList(Clearing memory clearing) private pure returns (uint256 free) {
        LevelsWord[] memory words;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            words := mload(0x40)
            free := add(words, 0x20)
        }
        clearing.words = words;
    }

    /// @dev See `_beginList`.
    function _endList(LevelsWord[] memory words, uint256 free) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(words, shr(5, sub(free, add(words, 0x20))))
            mstore(0x40, free)
        }
    }

    /// @dev Takes away energy from the dearest level below the word `end` down: `excessWh`, which must be less than
    /// there is. The level where some is left is the clearing level.
    function _cut(Book storage book, uint256 stamp, uint256 end, uint256 excessWh, Clearing memory clearing)
        private
        view
    {
        unchecked {
            while (true) {
                LevelsWord word = _levels(book, --end).word;
                if (!word.carries(stamp)) continue;
                for (uint256 lane = LANES; lane != 0; --lane) {
                    uint256 level = end * LANES + lane;
                    uint256 offeredWh = word.energyWh(lane - 1);
                    uint256 lateWh = _min(offeredWh, excessWh);
                    excessWh -= lateWh;
                    clearing.energyLevels -= lateWh * level;
                    if (lateWh == offeredWh) continue;
                    (clearing.level, clearing.lateWh) = (level, lateWh);
                    return;
                }
            }
        }
    }

    /* WALKING */

    /// @notice Looks at the next bid of the words with winning bids and moves `walk` past it.
    /// @dev Only after selection, and while some accepted energy has not been passed yet: there is no end of the walk
    /// to run into.
    /// @return bidId Its number.
    /// @return bid The bid.
    /// @return acceptedWh What is bought of it (Wh): 0 if it was withdrawn, asks more than the clearing price, or asks
    /// just that and came too late.
    function next(Book storage book, uint256 bidCount, uint256 clearingLevel, Walk memory walk)
        internal
        view
        returns (uint256 bidId, BidWord bid, uint256 acceptedWh)
    {
        unchecked {
            bidId = walk.bidId;
            if (bidId == 0) {
                bidId = book.heads.at(walk.nextHead++, bidCount);
            }
            bid = _bid(book, bidId).word;
            walk.bidId = bid.olderBidId();
            uint256 level = bid.priceLevel();
            if (level > clearingLevel) return (bidId, bid, 0);
            acceptedWh = bid.energyWh();
            if (level == clearingLevel) {
                uint256 lateWh = _min(acceptedWh, walk.lateWh);
                walk.lateWh -= lateWh;
                acceptedWh -= lateWh;
            }
        }
    }

    /* SLOTS */

    /// @dev The word of a level and its lane in it.
    function _position(Book storage book, uint256 level)
        private
        pure
        returns (LevelsSlot storage slot, uint256 lane)
    {
        unchecked {
            return (_levels(book, (level - 1) / LANES), (level - 1) % LANES);
        }
    }

    /// @dev `book.levels[index]` without the check that `index` is below `WORDS`: every caller has seen to it.
    function _levels(Book storage book, uint256 index) private pure returns (LevelsSlot storage slot) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            slot.slot := add(book.slot, index)
        }
    }

    /// @dev `book.bids[bidId]` without the check that `bidId` is at most `MAX_BID_ID`: every caller has seen to it. The
    /// offset is added last: the loop over bids would otherwise keep the sum of the first two on the stack.
    function _bid(Book storage book, uint256 bidId) private pure returns (BidSlot storage slot) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            slot.slot := add(add(book.slot, bidId), BIDS_OFFSET)
        }
    }

    /// @notice Whether slots are where the compiler has them. Known when compiled, so it costs nothing.
    function isAsCompiled(Book storage book) internal view returns (bool same) {
        LevelsSlot storage level = book.levels[WORDS - 1];
        LevelsSlot storage sameLevel = _levels(book, WORDS - 1);
        BidSlot storage bid = book.bids[MAX_BID_ID];
        BidSlot storage sameBid = _bid(book, MAX_BID_ID);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            same := and(eq(level.slot, sameLevel.slot), eq(bid.slot, sameBid.slot))
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
