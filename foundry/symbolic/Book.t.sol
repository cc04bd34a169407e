// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWord} from "../../contracts/libraries/BidWord.sol";
import {BookLib} from "../../contracts/libraries/BookLib.sol";
import {LANES, LevelsWord, MAX_BID_ID, MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {CHEATS} from "../ICheats.sol";
import {Concrete} from "./Concrete.sol";

/// @title BookProof
/// @notice For every word of levels there can be, every bid and every lane: entering a bid, and taking one out, change
/// what they must and nothing beside it. `WORD` is any of the book's words; the code is the same for all.
contract BookProof {
    using BookLib for BookLib.Book;

    uint256 private constant WORD = 3;

    BookLib.Book private _book;

    struct NewBid {
        address consumer;
        uint32 energyWh;
        uint256 lane;
        uint256 id;
    }

    function check_add__any_word_of_the_request__changes_one_lane(
        uint256 any,
        uint16 stamp,
        uint24 bidId,
        address consumer,
        uint32 energyWh,
        uint8 anyLane
    ) external {
        LevelsWord before = LevelsWord.wrap(any);
        CHEATS.assume(before.carries(stamp));
        NewBid memory bid = NewBid(consumer, energyWh, Concrete.within(anyLane, 0, LANES - 1), _id(bidId));
        CHEATS.assume(before.energyWh(bid.lane) + energyWh <= MAX_LEVEL_WH);
        _book.levels[WORD].word = before;
        _mustAdd(stamp, bid);
        _requireLanes(before, bid.lane, before.energyWh(bid.lane) + energyWh);
        _requireEntered(stamp, bid, before.newestBidId());
    }

    function check_add__word_of_another_request__counts_as_empty(
        uint256 any,
        uint16 stamp,
        uint24 bidId,
        address consumer,
        uint32 energyWh,
        uint8 anyLane
    ) external {
        LevelsWord before = LevelsWord.wrap(any);
        CHEATS.assume(!before.carries(stamp));
        NewBid memory bid = NewBid(consumer, energyWh, Concrete.within(anyLane, 0, LANES - 1), _id(bidId));
        CHEATS.assume(energyWh <= MAX_LEVEL_WH);
        _book.levels[WORD].word = before;
        _mustAdd(stamp, bid);
        _requireLanes(LevelsWord.wrap(0), bid.lane, energyWh);
        _requireEntered(stamp, bid, 0);
    }

    function check_add__more_than_a_level_holds__reverts(uint256 any, uint16 stamp, uint32 energyWh, uint8 anyLane)
        external
    {
        LevelsWord before = LevelsWord.wrap(any);
        uint256 lane = Concrete.within(anyLane, 0, LANES - 1);
        CHEATS.assume(before.carries(stamp));
        CHEATS.assume(before.energyWh(lane) + energyWh > MAX_LEVEL_WH);
        _book.levels[WORD].word = before;
        try this.add(stamp, NewBid(address(this), energyWh, lane, 1)) {
            assert(false);
        } catch (bytes memory error) {
            assert(bytes4(error) == BookLib.LevelFull.selector);
        }
    }

    function check_remove__any_bid_that_stands__changes_one_lane(
        uint256 any,
        uint256 anyBid,
        uint24 bidId,
        uint8 anyLane
    ) external {
        LevelsWord before = LevelsWord.wrap(any);
        BidWord bid = BidWord.wrap(anyBid);
        uint256 lane = Concrete.within(anyLane, 0, LANES - 1);
        CHEATS.assume(bid.priceLevel() == _level(lane));
        CHEATS.assume(before.energyWh(lane) >= bid.energyWh());
        _book.levels[WORD].word = before;
        // The level as a plain number: it says where in the storage the word is.
        BidWord placed = BidWord.wrap((anyBid & ~(uint256(type(uint16).max) << 24)) | (_level(lane) << 24));
        _book.remove(_id(bidId), placed);
        _requireLanes(before, lane, before.energyWh(lane) - bid.energyWh());
        assert(_after().newestBidId() == before.newestBidId());
        assert(LevelsWord.unwrap(_after()) >> 240 == any >> 240);
        assert(BidWord.unwrap(_book.bids[_id(bidId)].word) == BidWord.unwrap(bid.withdrawn()));
    }

    function add(uint16 stamp, NewBid memory bid) external {
        _book.add(stamp, bid.id, bid.consumer, bid.energyWh, _level(bid.lane));
    }

    /// @dev halmos leaves out paths that revert, so one that must not is made a failure.
    function _mustAdd(uint16 stamp, NewBid memory bid) private {
        try this.add(stamp, bid) {}
        catch {
            assert(false);
        }
    }

    function _requireEntered(uint256 stamp, NewBid memory bid, uint256 older) private view {
        assert(_after().newestBidId() == bid.id);
        assert(_after().carries(stamp));
        BidWord entered = _book.bids[bid.id].word;
        assert(entered.consumer() == bid.consumer);
        assert(entered.energyWh() == bid.energyWh);
        assert(entered.priceLevel() == _level(bid.lane));
        assert(entered.olderBidId() == older);
    }

    /// @dev The lane has this energy, and all its neighbours have theirs.
    function _requireLanes(LevelsWord before, uint256 changed, uint256 energyWh) private view {
        for (uint256 lane; lane < LANES; ++lane) {
            assert(_after().energyWh(lane) == (lane == changed ? energyWh : before.energyWh(lane)));
        }
    }

    function _after() private view returns (LevelsWord) {
        return _book.levels[WORD].word;
    }

    function _level(uint256 lane) private pure returns (uint256) {
        return WORD * LANES + lane + 1;
    }

    /// @dev One number stands for all: a bid's number says only where in the storage it is, and what a word refers to.
    function _id(uint24 bidId) private returns (uint256) {
        CHEATS.assume(bidId == MAX_BID_ID);
        return MAX_BID_ID;
    }
}
