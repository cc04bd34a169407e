// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWord, BidWordLib} from "./BidWord.sol";
import {HeadsLib} from "./HeadsLib.sol";
import {LANES, LevelsWord, MAX_BID_ID, MAX_LEVEL_WH, wordAt} from "./LevelsWord.sol";
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
    /// numbers of the newest bids of the words of levels that have had bids up to the clearing level, the cheapest word first,
    /// written at selection: paying takes them from here, many at a time, and never reads a word of levels.
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
    /// have had bids up to the clearing level, the cheapest first, which bear their place in the grid instead of the stamp.
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

    /* WRITING */

    /// @notice Enters a bid as the newest. `bidId`, `energyWh` and `level` must have been checked.
    function add(Book storage book, uint256 stamp, uint256 bidId, address consumer, uint256 energyWh, uint256 level)
        internal
    {
        (LevelsSlot storage slot, uint256 lane) = _position(book, level);
        LevelsWord word = slot.word.orEmpty(stamp);
        unchecked {
            if (word.energyWh(lane) + energyWh > MAX_LEVEL_WH) revert LevelFull(level);
        }
        _bid(book, bidId).word = BidWordLib.pack(consumer, energyWh, level, word.newestBidId());
        slot.word = word.withBid(lane, energyWh, bidId);
    }

    /// @notice Takes the energy of `bid` out of the book. The bid stays in the list of its word, with nothing to win.
    function remove(Book storage book, uint256 bidId, BidWord bid) internal {
        (LevelsSlot storage slot, uint256 lane) = _position(book, bid.priceLevel());
        _bid(book, bidId).word = bid.withdrawn();
        slot.word = slot.word.withLess(lane, bid.energyWh());
    }

    /* CLEARING */

    /// @notice Accepts energy from the cheapest level up until `reductionWh` is reached or nothing is left.
    /// @dev Reads the words of levels up to the clearing level once, leaving out regions without bids, and no bid.
    function clear(Book storage book, uint256 stamp, uint256 regions, uint256 reductionWh, bool uniform)
        internal
        view
        returns (Clearing memory clearing)
    {
        unchecked {
            // At most 1000 levels of less than 2**31 Wh each: no sum or product here comes near an overflow.
            (LevelsWord[] memory words, uint256 leftWh) = _find(book, stamp, regions, reductionWh);
            clearing.words = words;
            if (words.length == 0) return clearing;
            LevelsWord last = wordAt(words, words.length - 1);
            clearing.energyWh = reductionWh - _acceptIn(last, leftWh, clearing);
            if (uniform) clearing.energyLevels = clearing.energyWh * clearing.level;
            else clearing.energyLevels += _energyLevels(words, words.length - 1);
        }
    }

    /// @dev The words that have had bids, as `Clearing` has them, up to the one that has the clearing level, and the
    /// energy that is wanted of that one (Wh).
    function _find(Book storage book, uint256 stamp, uint256 regions, uint256 wantedWh)
        private
        view
        returns (LevelsWord[] memory words, uint256 leftWh)
    {
        unchecked {
            words = new LevelsWord[](WORDS);
            uint256 found;
            uint256 sumWh;
            for (uint256 index; regions != 0 && sumWh < wantedWh; regions >>= 1) {
                uint256 end = index + REGION_WORDS;
                if (end > WORDS) end = WORDS;
                if (regions & 1 == 0) index = end;
                for (; index < end; ++index) {
                    LevelsWord word = _levels(book, index).word;
                    if (!word.carries(stamp)) continue;
                    sumWh += word.totalWh();
                    word = word.withStamp(index);
                    // solhint-disable-next-line no-inline-assembly
                    assembly ("memory-safe") {
                        // words[found++] = word, and there is room for all words that there are
                        found := add(found, 1)
                        mstore(add(words, shl(5, found)), word)
                    }
                }
            }
            // Leaves out the last words as far as they have no energy left, or none that is wanted.
            for (; found != 0; --found) {
                uint256 lastWh = wordAt(words, found - 1).totalWh();
                sumWh -= lastWh;
                if (lastWh != 0 && sumWh < wantedWh) break;
            }
            leftWh = wantedWh - sumWh;
            // Cuts the list to what there is; Solidity has no other way.
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                mstore(words, found)
            }
        }
    }

    /// @dev Accepts energy in one word from its cheapest level up, and at its own price; returns how much is still
    /// wanted after it (Wh).
    function _acceptIn(LevelsWord word, uint256 leftWh, Clearing memory clearing) private pure returns (uint256) {
        unchecked {
            for (uint256 lane; lane < LANES; ++lane) {
                uint256 offeredWh = word.energyWh(lane);
                uint256 acceptedWh = _min(offeredWh, leftWh);
                if (acceptedWh == 0) continue;
                leftWh -= acceptedWh;
                clearing.level = word.stamp() * LANES + lane + 1;
                clearing.lateWh = offeredWh - acceptedWh;
                clearing.energyLevels += acceptedWh * clearing.level;
            }
            return leftWh;
        }
    }

    /// @dev The sum of energy times level over the first of these words (Wh x levels).
    function _energyLevels(LevelsWord[] memory words, uint256 count) private pure returns (uint256 sum) {
        unchecked {
            for (uint256 i; i < count; ++i) {
                LevelsWord word = wordAt(words, i);
                sum += word.energyLevels(word.stamp() * LANES + 1);
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

    /// @dev `book.bids[bidId]` without the check that `bidId` is at most `MAX_BID_ID`: every caller has seen to it.
    function _bid(Book storage book, uint256 bidId) private view returns (BidSlot storage slot) {
        BidSlot[MAX_BID_ID + 1] storage bids = book.bids;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            slot.slot := add(bids.slot, bidId)
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
